import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CsvError } from '../../src/csv/csv-error.js';
import { formatRecord } from '../../src/csv/format-record.js';
import { anyDialect, dialectOf, encodeAll, hostileText, scanChunked, summary } from './support.js';

const RUNS = { numRuns: 2000 };
const chunks = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 6 });

function attempt<T>(run: () => T): T | { code: string; row?: number; byteOffset?: number } {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    return { code: error.code, row: error.row, byteOffset: error.byteOffset };
  }
}

test('a scan gives the same results however hostile bytes are cut into chunks', () => {
  fc.assert(
    fc.property(hostileText, anyDialect, fc.integer({ min: 1, max: 4 }), chunks, (text, form, columns, sizes) => {
      const bytes = Buffer.from(text);
      const dialect = dialectOf(form);
      const whole = attempt(() => summary(scanChunked(bytes, dialect, columns)));
      const cut = attempt(() => summary(scanChunked(bytes, dialect, columns, sizes)));
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
      const scanned = attempt(() => scanChunked(bytes, dialect, columns));
      fc.pre(!('code' in scanned));
      const malformed = new Map(scanned.malformed.map((one) => [one.row, one]));
      const skip = (row: number) => malformed.has(row);
      const whole = encodeAll(bytes, dialect, columns, { skip });
      expect(whole.rows).toBe(scanned.rows);
      expect(whole.loaded).toBe(scanned.rows - scanned.malformedCount);
      expect(whole.refused).toEqual([]);
      expect(encodeAll(bytes, dialect, columns, { skip, ...cut })).toEqual(whole);
      const unskipped = encodeAll(bytes, dialect, columns);
      expect(encodeAll(bytes, dialect, columns, cut)).toEqual(unskipped);
      for (const { row, offset, length, reason } of unskipped.refused) {
        expect(malformed.get(row)).toMatchObject({ byteOffset: offset, length, reason });
      }
      // Read by PostgreSQL's rules, in which a quote toggles wherever it stands, the batch has the same records.
      expect(toggledRecords(whole.text).map((record) => Number.parseInt(record, 10))).toEqual(
        Array.from({ length: scanned.rows }, (_, k) => k + 1).filter((row) => !malformed.has(row)),
      );
    }),
    RUNS,
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
      const scanned = scanChunked(bytes, dialect, columns);
      expect(scanned.malformed).toEqual([]);
      expect(scanned.rows).toBe(rows.length);
      for (let c = 0; c < columns; c++) {
        expect(scanned.evidence[c].nulls).toBe(rows.filter((row) => row[c] === null).length);
      }
      const cells = (input: string, newline: string) =>
        parse(input, {
          delimiter: dialect.delimiter,
          record_delimiter: newline,
          cast: (text, { quoting }) => (text === '' && !quoting ? null : text),
        });
      expect(cells(text, dialect.newline)).toEqual(rows);
      const encoded = encodeAll(bytes, dialect, columns);
      expect(encoded.refused).toEqual([]);
      expect(cells(encoded.text, '\n')).toEqual(rows.map((row, k) => [String(k + 1), ...row]));
    }),
    RUNS,
  );
});

function toggledRecords(text: string): string[] {
  const records: string[] = [];
  let quoted = false;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '"') quoted = !quoted;
    else if (text[i] === '\n' && !quoted) {
      records.push(text.slice(start, i));
      start = i + 1;
    } else if (text[i] === '\r' && !quoted) throw new Error('an unquoted carriage return');
  }
  expect(start).toBe(text.length);
  return records;
}
