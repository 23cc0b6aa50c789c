import { describe, expect, it } from 'vitest';
import { findParts } from '../../src/activities/find-parts.js';
import { type ScannedPart, type Scanner, scanPart } from '../../src/activities/scan-part.js';
import { CsvError } from '../../src/csv/csv-error.js';
import type { StoreFile } from '../../src/storage/store.js';
import { dialectOf } from '../csv/support.js';

const MIB = 1 << 20;
const LINE = 'a line of forty-eight bytes, with two columns ...\n';

describe('findParts', () => {
  it('cuts a plain file into parts that follow on each other and hold every record once', async () => {
    const bytes = Buffer.from(LINE.repeat(Math.ceil((40 * MIB) / LINE.length)));
    const found = await partsOf(bytes);
    expect(found.length).toBe(3);
    expectWhole(found, bytes, bytes.length / LINE.length);
  });

  it('scans a part again when its beginning was guessed inside a quoted value', async () => {
    // Records of a line each, but for one value full of line ends that lies over the border at 16 MiB.
    const before = LINE.repeat(Math.floor((15.5 * MIB) / LINE.length));
    const value = `"${'looks, like a record\n'.repeat(MIB / 16)}",x\n`;
    const after = LINE.repeat(Math.floor((10 * MIB) / LINE.length));
    const bytes = Buffer.from(before + value + after);
    const found = await partsOf(bytes);
    expectWhole(found, bytes, (before.length + after.length) / LINE.length + 1);
  });

  it('goes over a part that lies within one record', async () => {
    const before = LINE.repeat(Math.floor((10 * MIB) / LINE.length));
    const value = `"${'looks, like a record\n'.repeat(Math.ceil((24 * MIB) / 21))}",x\n`;
    const bytes = Buffer.from(before + value + LINE);
    const found = await partsOf(bytes);
    expectWhole(found, bytes, before.length / LINE.length + 2);
  });

  it('reports what makes the file unreadable only where that is certain, and ends there', async () => {
    // Behind the border, guessed from within a quoted value, everything would look unclosed; the file itself is whole.
    const before = LINE.repeat(Math.floor((15.9 * MIB) / LINE.length));
    const tricky = `"${'\n"",""\n'.repeat(MIB / 16)}",x\n`;
    const whole = Buffer.from(before + tricky + LINE);
    expectWhole(await partsOf(whole), whole, before.length / LINE.length + 2);

    const broken = Buffer.concat([whole, Buffer.from('1,"never closed\n')]);
    const last = (await partsOf(broken)).at(-1);
    expect(last).toBeInstanceOf(CsvError);
    expect((last as CsvError).code).toBe('unclosed_quote');
    expect((last as CsvError).byteOffset).toBe(whole.length + 2);
  });

  it('stops when it is told to', async () => {
    const controller = new AbortController();
    controller.abort();
    await expect(partsOf(Buffer.from(LINE), controller.signal)).rejects.toThrow(/abort/i);
  });
});

async function partsOf(bytes: Buffer, signal = new AbortController().signal) {
  const file: StoreFile = {
    size: bytes.length,
    read: async (buffer, position) => bytes.copy(buffer as Buffer, 0, position),
    close: async () => {},
  };
  const scanner: Scanner = { threads: 3, scan: (job) => scanPart(file, job), close: async () => {} };
  const found: (ScannedPart | CsvError)[] = [];
  const source = { key: 'source', size: bytes.length, dialect: dialectOf(), columns: 2 };
  for await (const part of findParts(scanner, source, 0, signal)) found.push(part);
  return found;
}

/** No byte left out or taken twice, each part ends behind a record, and the rows add up. */
function expectWhole(found: (ScannedPart | CsvError)[], bytes: Buffer, rows: number): void {
  const parts = found.filter((part): part is ScannedPart => !(part instanceof CsvError));
  expect(found.filter((part) => part instanceof CsvError)).toEqual([]);
  expect(parts.map(({ byteFrom }) => byteFrom)).toEqual([0, ...parts.slice(0, -1).map(({ byteTo }) => byteTo)]);
  expect(parts.at(-1)?.byteTo).toBe(bytes.length);
  expect(parts.map(({ byteTo }) => bytes[byteTo - 1])).toEqual(parts.map(() => 0x0a));
  expect(parts.reduce((sum, part) => sum + part.rows, 0)).toBe(rows);
  expect(parts.reduce((sum, part) => sum + part.malformedCount, 0)).toBe(0);
}
