import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatRecord } from '../../src/csv/format-record.js';
import { columnNames, readHeader } from '../../src/csv/header.js';
import { dialectOf } from './support.js';

function read(text: string, form = {}, final = false) {
  return readHeader(Buffer.from(text), dialectOf(form), final);
}

test('names are unquoted and the end is the offset of the first record in the file', () => {
  expect(read('a,"b ""x""\n, y",é\n1,2,3\n')).toEqual({ names: ['a', 'b "x"\n, y', 'é'], end: 19 });
  expect(read('\ufeff\r\na;b\r\n1;2', { delimiter: ';', bom: true })).toEqual({ names: ['a', 'b'], end: 10 });
  expect(read('sep=;\na;b\n', { delimiter: ';' })).toEqual({ names: ['a', 'b'], end: 10 });
  expect(read('a,b', {}, true)).toEqual({ names: ['a', 'b'], end: 3 });
});

test('names are those that csv-parse reads', () => {
  const name = fc.oneof(fc.constantFrom('', '"', '""', 'a""b', ';,', 'x\ny', 'é'), fc.string({ unit: 'grapheme' }));
  fc.assert(
    fc.property(fc.array(name, { minLength: 1, maxLength: 6 }), (list) => {
      const line = formatRecord(
        list.map((one) => one.replaceAll('\0', '')),
        ';',
      );
      const bytes = Buffer.from(`${line}\n1;2\n`);
      const { names, end } = readHeader(bytes, dialectOf({ delimiter: ';' }));
      expect([names]).toEqual(parse(line, { delimiter: ';', record_delimiter: ['\ufdd0'] }));
      expect(end).toBe(Buffer.byteLength(line) + 1);
    }),
    { numRuns: 1000 },
  );
});

test('a header that does not end is refused', () => {
  expect(() => read('a,b')).toThrow(expect.objectContaining({ code: 'record_too_large' }));
  expect(() => read('a,"b\n1,2\n')).toThrow(
    expect.objectContaining({ code: 'unclosed_quote', extras: { byte_offset: 2 } }),
  );
  expect(() => read('\n\n', {}, true)).toThrow(expect.objectContaining({ code: 'empty_file' }));
  expect(() => readHeader(Buffer.from('a,\xe9\n', 'latin1'), dialectOf())).toThrow(
    expect.objectContaining({ code: 'invalid_utf8' }),
  );
});

test('column names keep their spelling, and make way for each other, for _row and for the system columns', () => {
  expect(columnNames(['Unit Price', 'a"b', '', 'a', 'a', 'a_2', '_row', 'xmin', 'A', ' ', 'x\0y\n'])).toEqual([
    ...['Unit Price', 'a"b', 'column_3', 'a', 'a_3', 'a_2', '_row_2', 'xmin_2', 'A', 'column_10', 'xy'],
  ]);
  expect(columnNames(['e\u0301', 'é'])).toEqual(['é', 'é_2']);
});

test('long names are cut to 63 bytes on a character border and stay unique', () => {
  const long = 'é'.repeat(40);
  expect(columnNames([long, `${long}x`])).toEqual(['é'.repeat(31), `${'é'.repeat(30)}_2`]);
});

test('any headers become unique names that PostgreSQL takes as they are', () => {
  const part = fc.constantFrom('a', 'a_2', '_row', '', 'é', '😀'.repeat(20), '\0', '\ud800', 'ctid', '"');
  const headers = fc.array(
    fc.array(part, { maxLength: 3 }).map((parts) => parts.join('')),
    { maxLength: 40 },
  );
  fc.assert(
    fc.property(headers, (list) => {
      const names = columnNames(list);
      expect(new Set(names).size).toBe(list.length);
      for (const name of names) {
        expect(Buffer.byteLength(name)).toBeGreaterThan(0);
        expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63);
        expect(name).not.toMatch(/\p{Cc}/u);
      }
      expect(columnNames(names.filter((name) => name !== 'ctid'))).toEqual(names);
    }),
  );
});

test('1,599 columns are the most', () => {
  const header = (columns: number) => Buffer.from(`${Array(columns).fill('x').join(',')}\n`);
  const { names } = readHeader(header(1599), dialectOf());
  expect(new Set(columnNames(names)).size).toBe(1599);
  expect(() => readHeader(header(1600), dialectOf())).toThrow(expect.objectContaining({ code: 'too_many_columns' }));
});
