import { expect, test } from 'vitest';
import { formatRecord } from '../../src/csv/format-record.js';
import { recordsAt } from '../../src/csv/record-at.js';
import { RowSet } from '../../src/csv/row-set.js';
import { dialectOf, eachEngine, encodeAll, readCopyText } from './support.js';

eachEngine((engine) => {
  test('records become lines of COPY text: number and fields with tabs between, no quotes, N for NULL', () => {
    const bytes = Buffer.from('a,"b ""x"""\r\n\r\n,""\nc,"d\r\ne\tf"\r\n\\N,"g\\"\nlast,');
    expect(encodeAll(engine, bytes, dialectOf(), 2)).toMatchObject({
      text: '1\ta\tb "x"\n2\t\\N\t\n3\tc\td\\r\\ne\\tf\n4\t\\\\N\tg\\\\\n5\tlast\t\\N\n',
      rows: 5,
      loaded: 5,
    });
  });

  test('a line end of another kind is data, and so is a tab where it is not the delimiter', () => {
    expect(encodeAll(engine, Buffer.from('a\rb,,"",""" """\n'), dialectOf(), 4).text).toBe('1\ta\\rb\t\\N\t\t" "\n');
    expect(encodeAll(engine, Buffer.from('a\nb,\r,"x\ry"\r\tz,1\r'), dialectOf({ newline: '\r' }), 2).text).toBe(
      '1\ta\\nb\t\\N\n2\t\\N\tx\\ry\n3\t\\tz\t1\n',
    );
    expect(encodeAll(engine, Buffer.from('a\t"b\tc"\n'), dialectOf({ delimiter: '\t' }), 2).text).toBe('1\ta\tb\\tc\n');
  });

  test('counts and drops skipped rows, and rejects malformed ones that are not in the skip list', () => {
    const bytes = Buffer.from('a,1\nb"x,2\nc,\0\nd,4\ne\nf,6,6\n');
    const skipping = encodeAll(engine, bytes, dialectOf(), 2, { skip: new RowSet([2, 1]) });
    expect(skipping).toMatchObject({
      text: '4\td\t4\n',
      rows: 6,
      loaded: 1,
      refused: [
        { row: 3, offset: 10, length: 3, reason: 'nul_byte', column: 2 },
        { row: 5, offset: 18, length: 1, reason: 'too_few_fields', column: null, found: 1 },
        { row: 6, offset: 20, length: 5, reason: 'too_many_fields', found: 3 },
      ],
    });
    expect(encodeAll(engine, bytes, dialectOf(), 2).refused.map(({ row, reason }) => [row, reason])).toEqual([
      [2, 'stray_quote'],
      [3, 'nul_byte'],
      [5, 'too_few_fields'],
      [6, 'too_many_fields'],
    ]);
  });

  test('a batch stops at the record end that reaches maxInput, and before what does not fit', () => {
    const bytes = Buffer.from('x\naaa,bbb\nccc,ddd\neee,fff\n');
    const encoder = engine.encoder({ dialect: dialectOf(), columns: 2 });
    const options = { from: 2, out: Buffer.alloc(100), firstRow: 9, final: true, maxInput: 9 };
    expect(encoder.encode(bytes, options)).toEqual({ consumed: 16, written: 21, rows: 2, loaded: 2, refused: [] });
    expect(encoder.encode(bytes, { ...options, out: Buffer.alloc(20) })).toMatchObject({
      consumed: 8,
      written: 10,
      rows: 1,
    });
    const small = encoder.encode(bytes, { ...options, out: Buffer.alloc(9) });
    expect(small).toEqual({ consumed: 0, written: 0, rows: 0, loaded: 0, refused: [], needed: 10 });
    expect(encoder.encode(bytes, { ...options, out: Buffer.alloc(10) })).toMatchObject({ consumed: 8, written: 10 });
  });

  test('row numbers count on through powers of ten', () => {
    const lines = encodeAll(engine, Buffer.from('x\n'.repeat(1234)), dialectOf(), 1)
      .text.split('\n')
      .slice(0, -1);
    expect(lines).toEqual(Array.from({ length: 1234 }, (_, k) => `${k + 1}\tx`));
  });

  test.each([2 ** 31 - 2, 2 ** 32 - 2, 9_999_999_999_999])('row numbers continue from %d', (firstRow) => {
    const encoder = engine.encoder({ dialect: dialectOf(), columns: 1 });
    const out = Buffer.alloc(1000);
    const bytes = Buffer.from('x\n""\n"y"\nz');
    const { written } = encoder.encode(bytes, { from: 0, out, firstRow, final: true, maxInput: 1e9 });
    const rows = readCopyText(out.toString('utf8', 0, written));
    expect(rows).toEqual(['x', '', 'y', 'z'].map((value, k) => [String(firstRow + k), value]));
  });

  test('records of 1,599 columns, and those longer than the input of the kernel, are written as any other', () => {
    const value = 'a"\\\t\nb';
    const wide = Array.from({ length: 1599 }, (_, c) => (c % 2 ? null : value));
    const long = [value.repeat(40_000), null, '', value];
    for (const [columns, record] of [
      [1599, wide],
      [4, long],
    ] as const) {
      const bytes = Buffer.from(`${formatRecord(record, ',')}\n`.repeat(3));
      const { text, loaded } = encodeAll(engine, bytes, dialectOf(), columns);
      expect(loaded).toBe(3);
      expect(readCopyText(text)).toEqual([1, 2, 3].map((row) => [String(row), ...record]));
    }
  });

  test('quotes by the 100 MB and cells of megabytes take time in proportion', () => {
    const bytes = Buffer.concat([Buffer.from('a,'), Buffer.alloc(100e6, '"'), Buffer.from('\nb,c\n')]);
    const encoder = engine.encoder({ dialect: dialectOf(), columns: 2 });
    const out = Buffer.alloc(bytes.length + 20);
    expect(encoder.encode(bytes, { from: 0, out, firstRow: 1, final: true, maxInput: 1e9 })).toMatchObject({
      rows: 2,
      loaded: 2,
    });
  }, 20_000);

  test('records are found by how many come before them, and where the next one begins', () => {
    const bytes = Buffer.from('"a\nb",x\n\nc\r,y\n"d\n\n",z');
    const texts = (before: number[]) =>
      recordsAt(bytes, dialectOf(), 2, before).map(({ start, end }) => bytes.toString('utf8', start, end));
    expect(texts([0, 1, 2, 3])).toEqual(['"a\nb",x', 'c\r,y', '"d\n\n",z']);
    expect(texts([1])).toEqual(['c\r,y']);
    expect(recordsAt(bytes, dialectOf(), 2, [0, 2]).map(({ next }) => next)).toEqual([8, bytes.length]);
  });

  test('an encoder stops after so many refused records', () => {
    const bytes = Buffer.from('a,1\nb\nc\nd,4\ne\n');
    const options = { from: 0, out: Buffer.alloc(100), firstRow: 1, final: true, maxInput: 1e9, maxRefused: 2 };
    const encoder = engine.encoder({ dialect: dialectOf(), columns: 2 });
    expect(encoder.encode(bytes, options)).toMatchObject({ consumed: 8, rows: 3, loaded: 1 });
  });
});

test('formatRecord quotes only what needs it', () => {
  expect(formatRecord([null, '', 'a', 'b,c', 'd"e', 'f\n', '\\.', ' '], ',')).toBe(
    ',"",a,"b,c","d""e","f\n","\\.", '.replace('," "', ', '),
  );
});
