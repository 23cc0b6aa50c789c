import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { tempPlace } from '../../src/storage/store-path.js';
import { chunks, content, remains, root, sha256, store, useStore } from './support.js';

useStore();

describe('put', () => {
  const bytes = Buffer.alloc(5 << 20, 'a,b\n1,2\n');
  const source = () => chunks(bytes.subarray(0, 10), bytes.subarray(10, 3 << 20), bytes.subarray(3 << 20));

  it('stores what the source gives, with its size', async () => {
    expect(await store.put('uploads/one', source())).toEqual({ size: bytes.length });
    expect(sha256(Buffer.concat(await store.openRead('uploads/one').toArray()))).toBe(sha256(bytes));
  });

  it('hashes it where that is wanted', async () => {
    expect(await store.putHashed('uploads/one', source())).toEqual({ size: bytes.length, sha256: sha256(bytes) });
    expect(sha256(Buffer.concat(await store.openRead('uploads/one').toArray()))).toBe(sha256(bytes));
  });

  it('stores an empty object', async () => {
    expect(await store.put('uploads/empty', chunks())).toEqual({ size: 0 });
    expect(await content('uploads/empty')).toBe('');
  });

  it('leaves nothing of a source that breaks off, and passes its error on', async () => {
    const source = chunks(Buffer.alloc(3 << 20), new Error('gone away'));
    await expect(store.put('uploads/one', source)).rejects.toThrow('gone away');
    expect(await remains()).toEqual([]);
  });

  it('refuses more than maxBytes and stops reading', async () => {
    let read = 0;
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) {
        read++;
        yield Buffer.alloc(1000);
      }
    }
    await expect(store.put('uploads/one', endless(), { maxBytes: 10_000 })).rejects.toMatchObject({
      code: 'file_too_large',
    });
    expect(read).toBe(11);
    expect(await remains()).toEqual([]);
  });

  it('reads a source no faster than it writes', async () => {
    let given = 0;
    let most = 0;
    async function* source(): AsyncGenerator<Uint8Array> {
      for (let i = 0; i < 64; i++) {
        given += 1 << 20;
        const written = (await readdir(path.join(root, 'tmp'))).length ? await sizeOfTemp() : 0;
        most = Math.max(most, given - written);
        yield Buffer.alloc(1 << 20);
      }
    }
    await store.put('uploads/one', source());
    expect(most).toBeLessThanOrEqual(4 << 20);
  });

  it('takes no key that leads elsewhere', async () => {
    for (const key of [
      'one',
      '../x/y',
      'a/../b',
      '/etc/passwd',
      'a//b',
      'tmp/x',
      'a/b\0',
      'a/.hidden',
      'a/ä',
      'a/..',
      `a/${'x'.repeat(600)}`,
    ]) {
      await expect((async () => store.put(key, chunks('x')))(), key).rejects.toThrow('not a key');
    }
    expect(await remains()).toEqual([]);
  });
});

async function sizeOfTemp(): Promise<number> {
  const [name] = await readdir(path.join(root, 'tmp'));
  return (await stat(path.join(root, 'tmp', name!))).size;
}

describe('reading', () => {
  beforeEach(() => store.put('uploads/one', chunks('0123456789')));

  it('gives ranges with both ends', async () => {
    expect(await content('uploads/one', { start: 2, end: 4 })).toBe('234');
    expect(await content('uploads/one', { start: 8 })).toBe('89');
    expect(await content('uploads/one', { end: 0 })).toBe('0');
    expect(await content('uploads/one', { start: 5, end: 500 })).toBe('56789');
    expect(await content('uploads/one', { start: 10 })).toBe('');
  });

  it('fills a buffer as far as the object goes', async () => {
    const file = await store.open('uploads/one');
    const buffer = Buffer.alloc(4);
    expect(file.size).toBe(10);
    expect(await file.read(buffer, 8)).toBe(2);
    expect(buffer.toString('utf8', 0, 2)).toBe('89');
    expect(await file.read(buffer, 10)).toBe(0);
    await file.close();
  });

  it('says file_not_found for what is not there', async () => {
    await expect(store.open('uploads/two')).rejects.toMatchObject({ code: 'file_not_found' });
    await expect(content('uploads/two')).rejects.toMatchObject({ code: 'file_not_found' });
    expect(await store.stat('uploads/two')).toBeNull();
    expect(await store.stat('uploads/one')).toMatchObject({ size: 10 });
  });

  it('closes the file of a reader that stops early', async () => {
    const before = (await readdir('/proc/self/fd').catch(() => [])).length;
    for await (const _ of store.openRead('uploads/one')) break;
    await sleep(20);
    expect((await readdir('/proc/self/fd').catch(() => [])).length).toBeLessThanOrEqual(before);
  });
});

describe('list and remove', () => {
  it('removes one, or all below a prefix, and the folders that become empty', async () => {
    for (const key of ['results/a/part-1', 'results/a/part-2', 'results/ab/part-1']) await store.put(key, chunks(key));
    expect(await store.list('results/a/')).toEqual(['results/a/part-1', 'results/a/part-2']);
    expect(await store.list('results')).toHaveLength(3);
    await store.remove('results/a/part-1');
    await store.remove('results/a/part-1');
    expect(await store.list('results/a')).toEqual(['results/a/part-2']);
    await store.removeAll('results/a/');
    await store.removeAll('results/a/');
    expect(await store.list('results')).toEqual(['results/ab/part-1']);
    await store.remove('results/ab/part-1');
    expect(await remains()).toEqual([]);
    expect(await store.list('results')).toEqual([]);
  });

  it('keeps an object that is put while the last other one of its folder goes', async () => {
    for (let round = 0; round < 50; round++) {
      await store.put('results/a/old', chunks('old'));
      await Promise.all([store.remove('results/a/old'), store.put('results/a/new', chunks('new'))]);
      expect(await content('results/a/new')).toBe('new');
      await store.remove('results/a/new');
    }
  });

  // Between mkdir's own two looks at a folder (is there one? is it a folder?), another writer may remove it.
  it('stores objects while others of their folder come and go', async () => {
    const writer = async (key: string) => {
      for (let round = 0; round < 300; round++) {
        await store.put(key, chunks(key));
        await store.remove(key);
      }
    };
    await Promise.all([1, 2, 3, 4].map((n) => writer(`results/a/${n}`)));
    expect(await remains()).toEqual([]);
  });
});

it('an unfinished object is found again by who comes after a remover that was killed', async () => {
  const unfinished = tempPlace(root, path.join(root, 'uploads', 'one', 'part'));
  const movedAway = tempPlace(root, unfinished);
  await mkdir(path.dirname(movedAway), { recursive: true });
  await writeFile(movedAway, 'half');
  await store.removeUnfinished('uploads/two');
  expect(await readdir(path.dirname(movedAway))).toEqual([path.basename(movedAway)]);
  await store.removeUnfinished('uploads/one');
  expect(await readdir(path.dirname(movedAway))).toEqual([]);
});
