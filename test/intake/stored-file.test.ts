import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { StoredFile } from '../../src/intake/stored-file.js';
import { createLocalStore } from '../../src/storage/local-store.js';
import type { Store } from '../../src/storage/store.js';

let folder: string;
let store: Store;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'long-task-stored-'));
  store = createLocalStore(folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function put(key: string): Promise<StoredFile> {
  const stored = await store.put(
    key,
    (async function* () {
      yield Buffer.from('a,b\n');
    })(),
  );
  return new StoredFile(store, { key, filename: 'a.csv', ...stored }, { options: {}, parts: [] });
}

it('a file that is released is removed, once', async () => {
  const file = await put('uploads/1');
  await file.release();
  expect(await store.stat('uploads/1')).toBeNull();
  await put('uploads/1');
  await file.release();
  expect(await store.stat('uploads/1')).toMatchObject({ size: 4 });
});

it('a file that was handed over stays when it is released', async () => {
  const file = await put('uploads/2');
  file.handOver();
  await file.release();
  expect(await store.stat('uploads/2')).toMatchObject({ size: 4 });
});

it('a release that fails hides no other error', async () => {
  const remove = () => Promise.reject(new Error('EIO'));
  const source = { key: 'uploads/3', filename: 'a.csv', size: 4, sha256: '' };
  await new StoredFile({ remove }, source, { options: {}, parts: [] }).release();
});
