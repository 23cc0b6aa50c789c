import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatRecord } from '../../src/csv/format-record.js';
import { RowSet } from '../../src/csv/row-set.js';
import { CAPACITY } from '../../src/kernel/instance.js';
import {
  anyDialect,
  attempt,
  dialectOf,
  eachEngine,
  encodeAll,
  hostileText,
  poisonKernel,
  readCopyText,
  scanChunked,
  summary,
} from './support.js';

const RUNS = { numRuns: 2000 };
const chunks = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 6 });

eachEngine((engine, hasKernel) => {
  test('a scan gives the same results however hostile bytes are cut into chunks', () => {
    fc.assert(
      fc.property(hostileText, anyDialect, fc.integer({ min: 1, max: 4 }), chunks, (text, form, columns, sizes) => {
        const bytes = Buffer.from(text);
        const dialect = dialectOf(form);
        poisonKernel();
        const whole = attempt(() => summary(scanChunked(engine, bytes, dialect, columns)));
        const cut = attempt(() => summary(scanChunked(engine, bytes, dialect, columns, sizes)));
        expect(cut).toEqual(whole);
      }),
      RUNS,
    );
  });

  test('scanner and encoder agree on every record of hostile bytes, for any batch, output and chunk size', () => {
    const sizes = fc.record({
      maxInput: fc.integer({ min: 1, max: 40 }),
      outSize: fc.integer({ min: 1, max: 60 }),
      chunk: fc.integer({ min: 1, max: 30 }),
    });
    fc.assert(
      fc.property(hostileText, anyDialect, fc.integer({ min: 1, max: 4 }), sizes, (text, form, columns, cut) => {
        const bytes = Buffer.from(text);
        const dialect = dialectOf(form);
        poisonKernel();
        const scanned = attempt(() => scanChunked(engine, bytes, dialect, columns));
        fc.pre(!('code' in scanned));
        const malformed = new Map(scanned.malformed.map((one) => [one.row, one]));
        const skip = new RowSet(malformed.keys());
        const whole = encodeAll(engine, bytes, dialect, columns, { skip });
        expect(whole.rows).toBe(scanned.rows);
        expect(whole.loaded).toBe(scanned.rows - scanned.malformedCount);
        expect(whole.refused).toEqual([]);
        poisonKernel();
        expect(encodeAll(engine, bytes, dialect, columns, { skip, ...cut })).toEqual(whole);
        const unskipped = encodeAll(engine, bytes, dialect, columns);
        expect(encodeAll(engine, bytes, dialect, columns, cut)).toEqual(unskipped);
        for (const { row, offset, length, reason } of unskipped.refused) {
          expect(malformed.get(row)).toMatchObject({ byteOffset: offset, length, reason });
        }
        const records = readCopyText(whole.text);
        expect(records.map(([row]) => Number(row))).toEqual(
          Array.from({ length: scanned.rows }, (_, k) => k + 1).filter((row) => !malformed.has(row)),
        );
        for (const record of records) expect(record).toHaveLength(columns + 1);
      }),
      RUNS,
    );
  });

  test("what stands where the kernel's input ends is read as anywhere else", () => {
    const place = fc.record({ before: fc.integer({ min: 0, max: 200 }), long: fc.constantFrom(0, 1000, CAPACITY + 9) });
    fc.assert(
      fc.property(hostileText, anyDialect, place, (text, form, { before, long }) => {
        const dialect = dialectOf(form);
        const { delimiter, newline } = dialect;
        const line = `1${delimiter}"${'x'.repeat(long)}"${newline}`;
        const count = Math.ceil((CAPACITY - before - long) / line.length);
        const pad = 'y'.repeat(Math.max(0, CAPACITY - before - count * line.length));
        const bytes = Buffer.from(
          `${line.repeat(Math.max(0, count))}1${delimiter}${pad}${newline}${text}${newline}${line}`,
        );
        const whole = attempt(() => summary(scanChunked(engine, bytes, dialect, 2)));
        expect(attempt(() => summary(scanChunked(engine, bytes, dialect, 2, [40_009])))).toEqual(whole);
        if ('code' in whole) return;
        const encoded = encodeAll(engine, bytes, dialect, 2);
        expect(encoded.rows).toBe(whole.rows);
        expect(encoded.refused).toHaveLength(whole.malformedCount);
        expect(encodeAll(engine, bytes, dialect, 2, { maxInput: 40_009, outSize: 30_011 })).toEqual(encoded);
      }),
      // Without it there is no such end, and each run takes ten times as long.
      { numRuns: hasKernel ? 300 : 50 },
    );
  });

  test('scanner, encoder and csv-parse agree on valid CSV, NULL and empty string kept apart', () => {
    const value = fc.option(
      fc.oneof(fc.constantFrom('', '\\.', '"', 'a\nb', 'a\r\nb', '\r', ' x ', 'é€😀', '1,5;2|3\t4'), fc.string()),
      {
        nil: null,
      },
    );
    const table = fc.integer({ min: 1, max: 5 }).chain((columns) =>
      fc.record({
        columns: fc.constant(columns),
        rows: fc.array(
          fc.array(
            value.map((v) => v?.replaceAll('\0', '') ?? v),
            { minLength: columns, maxLength: columns },
          ),
          {
            minLength: 1,
            maxLength: 8,
          },
        ),
      }),
    );
    fc.assert(
      fc.property(table, anyDialect, fc.boolean(), ({ columns, rows }, form, terminated) => {
        const dialect = dialectOf(form);
        let text = rows.map((row) => formatRecord(row, dialect.delimiter)).join(dialect.newline);
        if (terminated || text === '' || text.endsWith(dialect.newline) || (columns === 1 && rows.at(-1)?.[0] === null))
          text += dialect.newline;
        const bytes = Buffer.from(text);
        const scanned = scanChunked(engine, bytes, dialect, columns);
        expect(scanned.malformed).toEqual([]);
        expect(scanned.rows).toBe(rows.length);
        for (let c = 0; c < columns; c++) {
          expect(scanned.evidence[c].nulls).toBe(rows.filter((row) => row[c] === null).length);
        }
        const parsed = parse(text, {
          delimiter: dialect.delimiter,
          record_delimiter: dialect.newline,
          cast: (text, { quoting }) => (text === '' && !quoting ? null : text),
        });
        expect(parsed).toEqual(rows);
        const encoded = encodeAll(engine, bytes, dialect, columns);
        expect(encoded.refused).toEqual([]);
        expect(readCopyText(encoded.text)).toEqual(rows.map((row, k) => [String(k + 1), ...row]));
      }),
      RUNS,
    );
  });
});
