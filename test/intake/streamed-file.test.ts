import { describe, expect, it } from 'vitest';
import type { ScannedPart } from '../../src/intake/scan-part.js';
import { StreamedFile } from '../../src/intake/streamed-file.js';
import { csv, LINE, lines, MIB, partsOf } from './support.js';

const HEADER = 'one,two\n';
const QUOTED = `"${'looks, like a record\n'.repeat(MIB / 16)}",x\n`;

describe('StreamedFile', () => {
  it.each([
    ['a plain file', HEADER + lines(40)],
    ['one with a byte order mark, CRLF and ;', `\ufeffone;two\r\n${'1;Ünïcode\r\n'.repeat(MIB * 3)}`],
    ['one whose last record lacks its line end', `${HEADER + lines(17)}1,2`],
    ['one with blank lines in it and at its end', `${HEADER + lines(16)}\n\n${lines(1)}${'\n'.repeat(MIB)}`],
    ['one that ends with its first part', HEADER + 'x,123456\n'.repeat((16 * MIB) / 8)],
    ['a quoted value over the border', HEADER + lines(15.5) + QUOTED + lines(3)],
    ['columns of every type', `a,b,c,d\n${'1,2.50,2024-02-29,true\n-7,,1999-12-31,false\n'.repeat(MIB / 2)}`],
    ['a header and one row', `${HEADER}1,2\n`],
    ['a header and no row', HEADER],
  ])('finds the parts that inspect finds, however the bytes arrive: %s', async (_, text) => {
    const bytes = Buffer.from(text);
    const expected = await partsOf(bytes);
    for (const seed of [1, 2]) expect(arrive(bytes, seed).parts).toEqual(expected);
  });

  it.each([
    ['a malformed row', '1,2,3\n'],
    ['invalid UTF-8', Buffer.from([0x31, 0x2c, 0xff, 0x0a])],
    ['a NUL byte', '1,\0\n'],
  ])('leaves %s to inspect, and all that follows it', async (_, bad) => {
    const bytes = Buffer.concat([Buffer.from(HEADER + lines(20)), Buffer.from(bad), Buffer.from(lines(20))]);
    const { parts, ended } = arrive(bytes, 3);
    expect(ended).toBe(true);
    expect(parts).toEqual((await partsOf(bytes)).slice(0, 1));
  });

  it('leaves a quote that never closes to inspect', async () => {
    const bytes = Buffer.from(`${HEADER + lines(20)}1,"never closed\n`);
    expect(arrive(bytes, 4).parts).toEqual((await partsOf(bytes)).slice(0, 1));
  });

  it.each([
    ['empty', ''],
    ['no text', 'PK\u0003\u0004\0\0\0'],
    ['of too many columns', `${'c,'.repeat(1600)}d\n${LINE}`],
  ])('finds nothing in a file that is %s', (_, text) => {
    expect(arrive(Buffer.from(text), 5)).toEqual({ parts: [], ended: true });
  });

  it('reads a file in the given dialect', async () => {
    const bytes = Buffer.from(`one,two;three\n${'1,2;3\n'.repeat(1000)}`);
    const [part] = arrive(bytes, 6, { delimiter: ';' }).parts;
    expect(part).toMatchObject({ rows: 1000, malformedCount: 0 });
    expect(part!.evidence.length).toBe(2);
    expect(arrive(bytes, 6, { delimiter: '^' as ';' }).parts).toEqual([]);
  });

  it('keeps no more parts than fit into a few megabytes', () => {
    const bytes = Buffer.from(HEADER + lines(40));
    expect(arrive(bytes, 7, undefined, 4)).toMatchObject({ parts: [{ byteFrom: 8 }, {}], ended: true });
  });
});

/** Gives the bytes in pieces of odd sizes, the first of 1 MiB. */
function arrive(bytes: Buffer, seed: number, dialect?: { delimiter: ';' }, maxEvidence?: number) {
  const file = new StreamedFile(csv, { options: { dialect } }, maxEvidence);
  let taken = 0;
  let arrived = Math.min(MIB, bytes.length);
  for (let step = seed; ; step = (step * 48271) % 2147483647) {
    const now = file.take(bytes.subarray(taken, arrived), arrived === bytes.length);
    if (now === null || arrived === bytes.length) return { parts: file.parts as ScannedPart[], ended: now === null };
    taken += now;
    arrived = Math.min(arrived + 1 + (step % (3 * MIB)), bytes.length);
  }
}
