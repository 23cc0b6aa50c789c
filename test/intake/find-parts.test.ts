import { describe, expect, it } from 'vitest';
import { isFault } from '../../src/contract/fault.js';
import { partEnd } from '../../src/intake/find-parts.js';
import type { Scanned, ScannedPart } from '../../src/intake/scan-part.js';
import { LINE, lines, MIB, partsOf } from './support.js';

const HEADER = 'one,two\n';

it('parts of a file of 10 GiB are 224, of 16 to 64 MiB, and each ends where another may begin', () => {
  const sizes: number[] = [];
  for (let from = 7; from < 7 + 10 * 1024 * MIB; from = partEnd(7, from)) sizes.push((partEnd(7, from) - from) / MIB);
  expect([sizes.length, ...new Set(sizes)]).toEqual([224, 16, 32, 64]);
  // Also one that begins behind a record which lies over the border.
  expect(partEnd(7, 7 + 1024 * MIB + 5)).toBe(7 + 1056 * MIB);
});

describe('findParts', () => {
  it('cuts a plain file into parts that follow on each other and hold every record once', async () => {
    const bytes = Buffer.from(HEADER + lines(40));
    const found = await partsOf(bytes);
    expect(found.length).toBe(3);
    expectWhole(found, bytes, (bytes.length - HEADER.length) / LINE.length);
  });

  it('ends a part behind a quoted value full of line ends that lies over the border', async () => {
    const before = lines(15.5);
    const value = `"${'looks, like a record\n'.repeat(MIB / 16)}",x\n`;
    const after = lines(10);
    const bytes = Buffer.from(HEADER + before + value + after);
    const found = await partsOf(bytes);
    expectWhole(found, bytes, (before.length + after.length) / LINE.length + 1);
    expect((found[0] as ScannedPart).byteTo).toBe(HEADER.length + before.length + value.length);
  });

  it('makes one part where a record reaches over a whole one', async () => {
    const before = lines(10);
    const value = `"${'looks, like a record\n'.repeat(Math.ceil((24 * MIB) / 21))}",x\n`;
    const bytes = Buffer.from(HEADER + before + value + LINE);
    const found = await partsOf(bytes);
    expectWhole(found, bytes, before.length / LINE.length + 2);
    expect(found.length).toBe(2);
  });

  it('reports what makes the file unreadable, and ends there', async () => {
    const whole = HEADER + lines(17);
    const found = await partsOf(Buffer.from(`${whole}1,"never closed\n`));
    expect(found.length).toBe(2);
    expect(found[1]).toMatchObject({
      code: 'unclosed_quote',
      row: (whole.length - HEADER.length) / LINE.length + 1,
      byte_offset: whole.length + 2,
    });
  });

  it('counts rows from the beginning of the file in evidence, malformed rows and fault', async () => {
    const first = Math.ceil((16 * MIB) / 4);
    const bytes = Buffer.from(`a,b\n${'1,2\n'.repeat(first + 10)}1.5,2\n1,2,3\n1,"never closed\n`);
    const [one, two] = (await partsOf(bytes.subarray(0, bytes.lastIndexOf('1,"')))) as ScannedPart[];
    expect([one!.firstRow, two!.firstRow]).toEqual([1, first + 1]);
    expect(two!.evidence[0]!.steps.map(({ row }) => row)).toEqual([first + 1, first + 11]);
    expect(two!.malformed.map(({ row }) => row)).toEqual([first + 12]);
    const fault = (await partsOf(bytes))[1];
    expect(fault).toMatchObject({ code: 'unclosed_quote', row: first + 13 });
    // As it is, it goes from a thread to the caller's.
    expect(structuredClone(fault)).toEqual(fault);
  });

  it('finds no part in a file without data', async () => {
    expect(await partsOf(Buffer.from(HEADER))).toEqual([]);
  });

  it('stops on abort', async () => {
    await expect(partsOf(Buffer.from(HEADER + LINE), AbortSignal.abort())).rejects.toThrow(/abort/i);
  });
});

/** No byte left out or taken twice, each part ends behind a record, and the rows add up. */
function expectWhole(found: Scanned[], bytes: Buffer, rows: number): void {
  const parts = found.filter((part): part is ScannedPart => !isFault(part));
  expect(found.filter(isFault)).toEqual([]);
  expect(parts.map(({ byteFrom }) => byteFrom)).toEqual([
    HEADER.length,
    ...parts.slice(0, -1).map(({ byteTo }) => byteTo),
  ]);
  expect(parts.at(-1)?.byteTo).toBe(bytes.length);
  expect(parts.map(({ byteTo }) => bytes[byteTo - 1])).toEqual(parts.map(() => 0x0a));
  expect(parts.reduce((sum, part) => sum + part.rows, 0)).toBe(rows);
  expect(parts.reduce((sum, part) => sum + part.malformedCount, 0)).toBe(0);
}
