import { describe, expect, test } from 'vitest';
import { columnType } from '../../src/csv/evidence.js';
import { dialectOf, eachEngine, scanChunked } from './support.js';

eachEngine((engine) => {
  function scan(text: string | Buffer, columns: number, form = {}) {
    return scanChunked(engine, Buffer.from(text), dialectOf(form), columns);
  }

  test('records end at LF or CRLF, mixed, and the last may lack its terminator', () => {
    const scanner = scan('a,b\r\nc,d\ne,"f\r\ng"\r\nh,i', 2);
    expect(scanner).toMatchObject({ rows: 4, malformedCount: 0 });
  });

  test('blank lines are no records in wide files and NULLs in files of one column', () => {
    expect(scan('a,b\n\n\r\nc,d\n\n', 2)).toMatchObject({ rows: 2, malformedCount: 0 });
    const narrow = scan('1\n\n""\n\r\n2\n', 1);
    expect(narrow).toMatchObject({ rows: 5, malformedCount: 0 });
    expect(narrow.evidence[0]).toMatchObject({ values: 3, nulls: 2 });
  });

  test('a bare CR in an LF file and a bare LF in a CR file are data', () => {
    expect(scan('a\rb,c\n\r,\r\r\n', 2)).toMatchObject({ rows: 2, malformedCount: 0 });
    expect(scan('a\nb,c\r\n,d\r', 2, { newline: '\r' })).toMatchObject({ rows: 2, malformedCount: 0 });
  });

  test('malformed records are described, counted and kept out of the evidence', () => {
    const scanner = scan('1,2\n3\n4,5,6\nx"y,7\n"z"z,"8\n9,\0\n10,11\n', 2);
    expect(scanner.rows).toBe(7);
    expect(
      scanner.malformed.map(({ row, byteOffset, length, reason, column, found }) => [
        row,
        byteOffset,
        length,
        reason,
        column,
        found,
      ]),
    ).toEqual([
      [2, 4, 1, 'too_few_fields', null, 1],
      [3, 6, 5, 'too_many_fields', null, 3],
      [4, 12, 5, 'stray_quote', 1, 2],
      [5, 18, 7, 'stray_quote', 1, 2],
      [6, 26, 3, 'nul_byte', 2, 2],
    ]);
    expect(scanner.malformed[4].excerpt).toBe('9,␀');
    expect(scanner.evidence.map(columnType)).toEqual(['integer', 'integer']);
    expect(scanner.evidence[0]).toMatchObject({ values: 2, nulls: 0 });
  });

  test('only the first thousand malformed records are kept', () => {
    const scanner = scan('x\n'.repeat(1500), 2);
    expect(scanner.malformed).toHaveLength(1000);
    expect(scanner).toMatchObject({ rows: 1500, malformedCount: 1500 });
  });

  test('as many columns as a table takes have their NULLs counted', () => {
    const line = `${Array.from({ length: 1599 }, (_, c) => (c % 3 === 0 ? '' : 1)).join(',')}\n`;
    const { rows, evidence } = scan(line.repeat(40), 1599);
    expect(rows).toBe(40);
    expect(evidence.map(({ nulls }) => nulls)).toEqual(Array.from({ length: 1599 }, (_, c) => (c % 3 === 0 ? 40 : 0)));
  });

  test('an excerpt has at most 200 characters and cuts none in two', () => {
    const [one] = scan(`${'😀'.repeat(300)}\n`, 2).malformed;
    expect(one?.excerpt.length).toBeLessThanOrEqual(200);
    expect(one?.excerpt).toMatch(/^(😀)+…$/u);
  });

  test('quoted values count as evidence like unquoted ones, and "" is an empty string', () => {
    const scanner = scan('"5",5,""\n"-6",,\n5,"7",\n', 3);
    expect(scanner.evidence.map(columnType)).toEqual(['integer', 'integer', 'text']);
    expect(scanner.evidence[2]).toMatchObject({ values: 1, nulls: 2 });
  });

  test('types widen with the values and name the row that widened them', () => {
    const scanner = scan('1,1,2024-02-29\n2147483648,1.50,2023-02-29\n99999999999999999999,-0.00,2024-01-01\n', 3);
    expect(scanner.evidence.map((e) => e.steps.map(({ type, row, value }) => `${type} ${row} ${value}`))).toEqual([
      ['integer 1 1', 'bigint 2 2147483648', 'numeric 3 99999999999999999999'],
      ['integer 1 1', 'numeric 2 1.50', 'text 3 -0.00'],
      ['date 1 2024-02-29', 'text 2 2023-02-29'],
    ]);
  });

  test('stopAt stops at the first record end that reaches it', () => {
    const bytes = Buffer.from('1,2\n"3\n",4\n5,6\n');
    const stops = [0, 1, 4, 5, 11, 12, 15, 16].map((stopAt) => {
      const scanner = engine.scanner({ firstRow: 1, dialect: dialectOf(), columns: 2 });
      const consumed = scanner.scan(bytes, { baseOffset: 0, final: true, stopAt });
      return [stopAt, consumed, scanner.rows, scanner.stopped];
    });
    expect(stops).toEqual([
      [0, 4, 1, true],
      [1, 4, 1, true],
      [4, 4, 1, true],
      [5, 11, 2, true],
      [11, 11, 2, true],
      [12, 15, 3, true],
      [15, 15, 3, true],
      [16, 15, 3, false],
    ]);
  });

  describe('what cannot be read at all', () => {
    test('invalid UTF-8 is found at its row and byte', () => {
      const bytes = Buffer.concat([Buffer.from('a,é\n\n"b\n",c\nd,'), Buffer.from([0xe9]), Buffer.from('x\n')]);
      expect(() => scan(bytes, 2)).toThrow(
        expect.objectContaining({ code: 'invalid_utf8', extras: { row: 3, byte_offset: 15 } }),
      );
    });

    test('rows count from the first row of the segment, in records, evidence and errors alike', () => {
      const scanner = engine.scanner({ firstRow: 1001, dialect: dialectOf(), columns: 2 });
      scanner.scan(Buffer.from('1,2\n\n3\nx,4\n'), { baseOffset: 50_000, final: false });
      expect(scanner.rows).toBe(3);
      expect(scanner.malformed).toMatchObject([{ row: 1002, byteOffset: 50_005 }]);
      expect(scanner.evidence[0]?.steps.map(({ row }) => row)).toEqual([1001, 1003]);
      const act = (text: string) => () =>
        scanner.scan(Buffer.from(text, 'latin1'), { baseOffset: 50_012, final: true });
      expect(act('5,6\n\xff\n')).toThrow(/^Row 1005, byte 50016: The byte 0xff is not valid/);
      const other = engine.scanner({ firstRow: 7, dialect: dialectOf(), columns: 2, maxRecordBytes: 64 });
      expect(() => other.scan(Buffer.from(`a,b\n"${'x'.repeat(99)}`), { baseOffset: 0, final: true })).toThrow(
        /^Row 8, /,
      );
    });

    test('a quote that never closes is found where it opened', () => {
      const act = () => scan('a,b\nc,"d\ne,f\n', 2);
      expect(act).toThrow(expect.objectContaining({ code: 'unclosed_quote', extras: { row: 2, byte_offset: 6 } }));
      expect(act).toThrow(/^Row 2, byte 6: A quote is opened here/);
    });

    test('a record of exactly the limit is accepted', () => {
      const scanner = engine.scanner({ firstRow: 1, dialect: dialectOf(), columns: 2, maxRecordBytes: 64 });
      const record = (length: number) => Buffer.from(`a,b\n${'x'.repeat(length - 2)},\n`);
      expect(scanner.scan(record(64), { baseOffset: 0, final: true })).toBe(68);
      expect(() => scanner.scan(record(65), { baseOffset: 0, final: true })).toThrow(
        expect.objectContaining({ code: 'record_too_large' }),
      );
    });

    test('a record beyond the limit is refused, alike for every chunk size', () => {
      for (const [text, code] of [
        [`a,b\n${'x'.repeat(100)},c\n`, 'record_too_large'],
        [`a,b\n"${'x\n'.repeat(50)}",c\n`, 'unclosed_quote'],
      ] as const) {
        for (const size of [7, 40, 1000]) {
          const scanner = engine.scanner({ firstRow: 1, dialect: dialectOf(), columns: 2, maxRecordBytes: 64 });
          const bytes = Buffer.from(text);
          const act = () => {
            for (let at = 0, end = 0; end < bytes.length; ) {
              end = Math.min(bytes.length, end + size);
              at += scanner.scan(bytes.subarray(at, end), { baseOffset: at, final: end === bytes.length });
            }
          };
          expect(act).toThrow(expect.objectContaining({ code, extras: expect.objectContaining({ row: 2 }) }));
        }
      }
    });
  });

  describe('hostile sizes take time in proportion', () => {
    test('100 MB of quotes', () => {
      const bytes = Buffer.alloc(100e6 + 1, '"');
      expect(() => scanChunked(engine, bytes, dialectOf(), 3, [4e6])).toThrow(
        expect.objectContaining({ code: 'record_too_large' }),
      );
      const one = engine.scanner({ firstRow: 1, dialect: dialectOf(), columns: 3, maxRecordBytes: 200e6 });
      bytes.write('\n', bytes.length - 1);
      bytes.write(',x,y', bytes.length - 5);
      expect(one.scan(bytes, { baseOffset: 0, final: true })).toBe(bytes.length);
      expect(one).toMatchObject({ rows: 1, malformedCount: 0 });
    }, 20_000);

    test('alternating "", in one record and a cell of 20 MB with line breaks, in small chunks', () => {
      const alternating = Buffer.from(`${'"",'.repeat(5e6)}\n`);
      expect(scanChunked(engine, alternating, dialectOf(), 3, [65536])).toMatchObject({ rows: 1, malformedCount: 1 });
      const cell = Buffer.from(`a,"${'line ""of"" text\n'.repeat(1.2e6)}"\n1,2\n`);
      expect(scanChunked(engine, cell, dialectOf(), 2, [65536])).toMatchObject({ rows: 2, malformedCount: 0 });
    }, 20_000);
  });
});
