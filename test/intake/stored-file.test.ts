import { expect, it } from 'vitest';
import { StoredFile } from '../../src/intake/stored-file.js';
import { chunks, store, useStore } from '../storage/support.js';

useStore();

async function put(key: string): Promise<StoredFile> {
  const stored = await store.putHashed(key, chunks('a,b\n'));
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
