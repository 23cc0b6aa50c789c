import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StreamingInspections } from '../../src/intake/streaming-inspection.js';
import { builtInspections } from '../support/built.js';
import { lines, MIB, partsOf } from './support.js';

const PLAIN = Buffer.from(`one,two\n${lines(40)}`);

let inspections: StreamingInspections;
beforeAll(async () => {
  inspections = await builtInspections();
});
afterAll(() => inspections.close());

describe('a file that arrives', () => {
  it('is passed on as it is, and its parts are those that inspect finds', async () => {
    const { bytes, parts } = await arrive(PLAIN);
    expect(bytes.equals(PLAIN)).toBe(true);
    expect(parts).toEqual(await partsOf(PLAIN));
  });

  it('is passed on even after its inspection has ended', async () => {
    const file = Buffer.concat([PLAIN, Buffer.from('1,2,3\n'), PLAIN.subarray(8)]);
    const { bytes, parts } = await arrive(file);
    expect(bytes.equals(file)).toBe(true);
    expect(parts).toEqual((await partsOf(file)).slice(0, 2));
  });

  it('has only the parts before a record that is longer than a thread keeps', async () => {
    const long = Buffer.from(`${'x'.repeat(2 * MIB)},y\n`);
    const file = Buffer.concat([PLAIN.subarray(0, 8), Buffer.from(lines(20)), long, Buffer.from(lines(20))]);
    const { bytes, parts } = await arrive(file);
    expect(bytes.equals(file)).toBe(true);
    expect(parts).toEqual((await partsOf(file)).slice(0, 1));
  });

  it.each([
    ['records of up to 240 KiB', (i: number) => `"${'0f'.repeat((i * 7919) % (120 << 10))}",${i}\n`],
    ['lines of which one in fifty has a byte that is not UTF-8', (i: number) => `${i},${i % 50 ? 'x' : '\xff'}\n`],
  ])(
    'has only parts that inspect would find, even with many bytes in flight when inspection ends: %s',
    async (_, record) => {
      for (let size = 2; size < 10; size++) {
        const records: string[] = ['one,two\n', lines(size / 4)];
        for (let bytes = 0, i = 1; bytes < (size * MIB) / 2; i++) bytes += records[records.push(record(i)) - 1]!.length;
        const file = Buffer.from(records.concat(lines(size / 4)).join(''), 'latin1');
        const { bytes, parts } = await arrive(file);
        expect(bytes.equals(file)).toBe(true);
        expect((await partsOf(file)).slice(0, parts.length)).toEqual(parts);
      }
    },
  );

  it('waits while as many as there are threads are looked at, and is left to inspect', async () => {
    const threads = Math.min(availableParallelism(), 4);
    const files = Array.from({ length: threads + 1 }, () => arrive(PLAIN));
    const found = await Promise.all(files);
    const counts = found.map(({ parts }) => parts.length);
    expect(counts.sort()).toEqual([0, ...Array.from({ length: threads }, () => 3)]);
    for (const { bytes } of found) expect(bytes.equals(PLAIN)).toBe(true);
  });

  it('gives its thread back when it breaks off', async () => {
    for (let i = 0; i <= 8; i++) {
      const inspection = inspections.begin({ options: {} });
      const broken = async function* () {
        yield PLAIN.subarray(0, 5 * MIB);
        throw new Error('the client has gone');
      };
      await expect(collect(inspection.watch(broken()))).rejects.toThrow('the client has gone');
      await inspection.parts();
    }
    await sleep(20);
    expect((await arrive(PLAIN)).parts.length).toBe(3);
  });

  it('of less than 1 MiB is left to inspect, which is sooner ready than a thread', async () => {
    const small = PLAIN.subarray(0, MIB - 1);
    const { bytes, parts } = await arrive(small);
    // Not by `toEqual`, which compares byte by byte in JavaScript and takes seconds.
    expect(bytes.equals(small)).toBe(true);
    expect(parts).toEqual([]);
  });
});

describe('threads that fail', () => {
  it('leave all files to inspect, and hold up none', async () => {
    const errors: unknown[] = [];
    const failing = await builtInspections((error) => errors.push(error), new URL('file:///none.js'));
    for (let i = 0; i < 6; i++) {
      const { bytes, parts } = await arrive(PLAIN, failing);
      expect(bytes.equals(PLAIN)).toBe(true);
      expect(parts).toEqual([]);
    }
    expect(errors.length).toBeGreaterThanOrEqual(6);
    await failing.close();
  });

  it('because they are closed leave the file to inspect', async () => {
    for (const wait of [0, 20, 60]) {
      const closing = await builtInspections();
      const files = [arrive(PLAIN, closing), arrive(PLAIN, closing)];
      await sleep(wait);
      await closing.close();
      for (const { bytes, parts } of await Promise.all(files)) {
        expect(bytes.equals(PLAIN)).toBe(true);
        expect((await partsOf(PLAIN)).slice(0, parts.length)).toEqual(parts);
      }
    }
  });
});

async function arrive(file: Buffer, at = inspections) {
  const inspection = at.begin({ options: {} });
  const bytes = await collect(inspection.watch(pieces(file)));
  return { bytes, parts: await inspection.parts() };
}

async function* pieces(file: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < file.length; at += 65_521) {
    yield Buffer.from(file.subarray(at, at + 65_521));
  }
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}
