import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatRecord } from '../../src/csv/format-record.js';
import { type LineEnds, NewlineWriter } from '../../src/csv/newline-writer.js';

const value = fc.option(fc.stringMatching(/^[a"'\\,\n\r]{0,6}$/), { nil: null });
const records = fc.array(fc.array(value, { minLength: 2, maxLength: 3 }), { maxLength: 5 });

test.each([
  ['"', '"'],
  ['"', '\\'],
  ["'", "'"],
])(
  'line ends of records change, those of values do not, wherever a chunk ends (quote %s, escape %s)',
  (quote, escapedBy) => {
    const style = { delimiter: ',', quote, escape: escapedBy };
    fc.assert(
      fc.property(
        records,
        fc.constantFrom('\n', '\r\n', '\r'),
        fc.boolean(),
        fc.boolean(),
        fc.integer({ min: 1, max: 9 }),
        (rows, newline, isLeading, isFirst, size) => {
          const lines = rows.map((row) => formatRecord(row, style));
          const ends: LineEnds = { newline, quote, escape: escapedBy, isLeading, isFirst };
          const text = lines.map((line) => `${line}\n`).join('');
          const [head, ...rest] = lines.map((line) => newline + line);
          const leading = isFirst ? [head?.slice(newline.length), ...rest] : [head, ...rest];
          const expected = isLeading ? leading.join('') : lines.map((line) => line + newline).join('');
          expect(inChunks(text, ends, size)).toBe(expected);
        },
      ),
      { numRuns: 500 },
    );
  },
);

function inChunks(text: string, ends: LineEnds, size: number): string {
  const writer = new NewlineWriter(ends);
  const bytes = Buffer.from(text);
  const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
    bytes.subarray(i * size, (i + 1) * size),
  );
  return Buffer.concat(chunks.map((chunk) => writer.write(chunk))).toString();
}
