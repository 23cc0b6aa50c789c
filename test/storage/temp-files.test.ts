import { mkdir, readdir, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { createLocalStore } from '../../src/storage/local-store.js';
import { chunks, content, root, store, useStore } from './support.js';

useStore();

describe('sweepTemp', () => {
  it('removes what killed writers left, and nothing that is young', async () => {
    await store.put('uploads/one', chunks('x'));
    await writeFile(path.join(root, 'tmp', 'old'), 'x');
    await writeFile(path.join(root, 'tmp', 'young'), 'x');
    const hourAgo = Date.now() / 1000 - 3600;
    await utimes(path.join(root, 'tmp', 'old'), hourAgo, hourAgo);
    expect(await store.sweepTemp(60_000)).toBe(1);
    expect(await readdir(path.join(root, 'tmp'))).toEqual(['young']);
    expect(await createLocalStore(path.join(root, 'none')).sweepTemp(0)).toBe(0);
  });

  it('removes the empty folders that killed writers left, and no others', async () => {
    await store.put('results/full/part', chunks('x'));
    for (const name of ['old', 'young']) await mkdir(path.join(root, 'results', name));
    const hourAgo = Date.now() / 1000 - 3600;
    for (const name of ['old', 'full']) await utimes(path.join(root, 'results', name), hourAgo, hourAgo);
    await store.sweepTemp(60_000);
    expect(await readdir(path.join(root, 'results'))).toEqual(['full', 'young']);
    expect(await content('results/full/part')).toBe('x');
  });

  it('leaves the file of a writer whose source lets it wait for an hour', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    async function* late() {
      const [name] = await readdir(path.join(root, 'tmp'));
      const file = path.join(root, 'tmp', name!);
      await utimes(file, 0, 0);
      vi.advanceTimersByTime(60_000);
      while ((await stat(file)).mtimeMs === 0) await sleep(1);
      expect(await store.sweepTemp(60_000)).toBe(0);
      yield Buffer.from('x');
    }
    await store.put('uploads/one', late()).finally(() => vi.useRealTimers());
    expect(await content('uploads/one')).toBe('x');
  });
});

describe('removeUnfinished', () => {
  it('removes what killed writers left below a prefix, and no object and nothing of others', async () => {
    await store.put('results/a/1', chunks('x'));
    for (const name of ['results.a~1', 'results.a~2', 'results.b~1'])
      await writeFile(path.join(root, 'tmp', name), 'x');
    await store.removeUnfinished('results/a/');
    expect(await readdir(path.join(root, 'tmp'))).toEqual(['results.b~1']);
    expect(await store.list('results/')).toEqual(['results/a/1']);
    await store.removeAll('results/b/');
    expect(await readdir(path.join(root, 'tmp'))).toEqual([]);
  });

  it('makes a writer fail that is still at it', async () => {
    async function* slowly() {
      yield Buffer.from('x');
      await store.removeUnfinished('results/a/');
      yield Buffer.from('y');
    }
    await expect(store.put('results/a/1', slowly())).rejects.toThrow();
    expect(await store.list('results/')).toEqual([]);
  });
});
