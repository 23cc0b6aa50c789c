import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { chunks, content, remains, root, sha256, store, useStore } from './support.js';

useStore();

describe('concat', () => {
  it('joins head and objects in order, larger than its buffers', async () => {
    const [one, two] = [Buffer.alloc((4 << 20) + 17, 'one'), Buffer.alloc(9 << 20, 'two')];
    await store.put('results/a/1', chunks(one));
    await store.put('results/a/2', chunks(two));
    await store.put('results/a/3', chunks());
    const seen: number[] = [];
    const stored = await store.concat(
      'results/a/all',
      Buffer.from('a,b\n'),
      ['results/a/1', 'results/a/3', 'results/a/2', 'results/a/1'],
      {
        onProgress: (bytes) => seen.push(bytes),
      },
    );
    const expected = Buffer.concat([Buffer.from('a,b\n'), one, two, one]);
    expect(stored).toEqual({ size: expected.length, sha256: sha256(expected) });
    expect(sha256(Buffer.concat(await store.openRead('results/a/all').toArray()))).toBe(stored.sha256);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  });

  it('makes an empty object of nothing', async () => {
    expect((await store.concat('results/a/all', null, [])).size).toBe(0);
  });

  it('leaves nothing when a part is missing or the signal fires', async () => {
    await store.put('results/a/1', chunks(Buffer.alloc(10 << 20)));
    await expect(store.concat('results/a/all', null, ['results/a/1', 'results/a/9'])).rejects.toMatchObject({
      code: 'file_not_found',
    });
    const stop = new AbortController();
    const stopped = store.concat('results/a/all', null, ['results/a/1'], {
      signal: stop.signal,
      onProgress: () => stop.abort(new Error('enough')),
    });
    await expect(stopped).rejects.toThrow('enough');
    expect(await remains()).toEqual(['results', 'results/a', 'results/a/1']);
  });

  it('writes no byte twice: the object shares the files of its parts, and outlives their removal', async () => {
    for (const [i, text] of ['one,', 'two,', 'three'].entries()) await store.put(`results/a/${i}`, chunks(text));
    await store.concat('results/a/all', Buffer.from('head,'), ['results/a/0', 'results/a/1', 'results/a/2']);
    const [piece] = (await remains()).filter((name) => name.startsWith('results/a/all') && name.endsWith('1'));
    expect((await stat(path.join(root, piece!))).ino).toBe((await stat(path.join(root, 'results/a/0'))).ino);
    expect(await store.list('results/')).toEqual(['results/a/0', 'results/a/1', 'results/a/2', 'results/a/all']);
    for (const key of ['results/a/0', 'results/a/1', 'results/a/2']) await store.remove(key);
    expect(await content('results/a/all')).toBe('head,one,two,three');
    expect(await store.stat('results/a/all')).toMatchObject({ size: 18 });
    await store.remove('results/a/all');
    expect(await remains()).toEqual([]);
    expect(await store.stat('results/a/all')).toBeNull();
  });

  it('copies where two places cannot share a file', async () => {
    const elsewhere = await mkdtemp(path.join(existsSync('/dev/shm') ? '/dev/shm' : os.tmpdir(), 'long-task-store-'));
    try {
      await symlink(elsewhere, path.join(root, 'elsewhere'));
      await writeFile(path.join(elsewhere, 'part'), 'from another disk');
      await store.concat('results/a/all', null, ['elsewhere/part']);
    } finally {
      await rm(elsewhere, { recursive: true });
    }
    expect(await content('results/a/all')).toBe('from another disk');
  });

  it('gives any range of it, across the borders of its parts, forth and back', async () => {
    const text = 'header\nfirst part;second;;the third and last';
    const parts = ['first part;', 'second;', '', ';', 'the third and last'];
    for (const [i, part] of parts.entries()) await store.put(`results/a/${i}`, chunks(part));
    await store.concat(
      'results/a/all',
      Buffer.from('header\n'),
      parts.map((_, i) => `results/a/${i}`),
    );
    for (let start = 0; start <= text.length; start++) {
      for (let end = start; end <= text.length; end++)
        expect(await content('results/a/all', { start, end })).toBe(text.slice(start, end + 1));
    }
    const file = await store.open('results/a/all');
    const buffer = Buffer.alloc(5);
    for (const position of [0, 20, 3, text.length - 2, 11, text.length, 0]) {
      const length = await file.read(buffer, position);
      expect(buffer.toString('utf8', 0, length)).toBe(text.slice(position, position + 5));
    }
    await file.close();
  });

  it('sweeps what a killed writer has left of one', async () => {
    await mkdir(path.join(root, 'tmp', 'results.a~killed'), { recursive: true });
    await writeFile(path.join(root, 'tmp', 'results.a~killed', '00000001'), 'x');
    await store.removeAll('results/a/');
    expect(await readdir(path.join(root, 'tmp'))).toEqual([]);
    await mkdir(path.join(root, 'tmp', 'results.b~killed'));
    await sleep(5);
    expect(await store.sweepTemp(0)).toBe(1);
    expect(await readdir(path.join(root, 'tmp'))).toEqual([]);
  });

  it('is whole or not there when its unfinished folder is swept under its writer', async () => {
    const parts = Array.from({ length: 20 }, (_, i) => `results/a/${i}`);
    for (const key of parts) await store.put(key, chunks(key));
    let failed = 0;
    for (let round = 0; round < 30; round++) {
      let sweeping: Promise<unknown> = Promise.resolve();
      const sweep = () => {
        sweeping = store.sweepTemp(-1_000);
      };
      const made = await store
        .concat('results/a/all', null, parts, { onProgress: round % 3 ? sweep : undefined })
        .catch((error: NodeJS.ErrnoException) => error);
      await sweeping;
      if ('sha256' in made) expect(await content('results/a/all')).toBe(parts.join(''));
      else expect([made.code, await store.stat('results/a/all')]).toEqual(['ENOENT', null]);
      if (!('sha256' in made)) failed++;
      await store.remove('results/a/all');
    }
    expect(failed).toBeGreaterThan(0);
    expect(await readdir(path.join(root, 'tmp'))).toEqual([]);
  });

  it('does not hide the others from a list while it is removed', async () => {
    const parts = Array.from({ length: 5 }, (_, i) => `results/a/${i}`);
    for (const key of parts) await store.put(key, chunks(key));
    for (let round = 0; round < 30; round++) {
      await store.concat('results/a/all', null, parts);
      const removing = store.remove('results/a/all');
      for (let look = 0; look < 10; look++) {
        const keys = await store.list('results/a/');
        expect(keys.filter((key) => key !== 'results/a/all')).toEqual(parts);
      }
      await removing;
    }
  });
});
