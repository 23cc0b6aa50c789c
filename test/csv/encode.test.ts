import { expect, test } from 'vitest';
import { BatchEncoder } from '../../src/csv/encode.js';
import { formatRecord } from '../../src/csv/format-record.js';
import { recordAt } from '../../src/csv/record-at.js';
import { dialectOf, encodeAll } from './support.js';

test('records get their row number in front and LF behind, their bytes untouched', () => {
  const bytes = Buffer.from('a,"b ""x"""\r\n\r\n,""\nc,"d\r\ne"\r\nlast,');
  expect(encodeAll(bytes, dialectOf(), 2)).toMatchObject({
    text: '1,a,"b ""x"""\n2,,""\n3,c,"d\r\ne"\n4,last,\n',
    rows: 4,
    loaded: 4,
  });
});

test('fields with an unquoted line end of another kind get quotes, the others keep theirs', () => {
  expect(encodeAll(Buffer.from('a\rb,,"",""" """\n'), dialectOf(), 4).text).toBe('1,"a\rb",,"",""" """\n');
  expect(encodeAll(Buffer.from('a\nb,\r,"x\ry"\r'), dialectOf({ newline: '\r' }), 2).text).toBe(
    '1,"a\nb",\n2,,"x\ry"\n',
  );
});

test('skipped rows are counted and left out; stray quotes and NULs are refused even when nobody skips them', () => {
  const bytes = Buffer.from('a,1\nb"x,2\nc,\0\nd,4\n');
  const skipping = encodeAll(bytes, dialectOf(), 2, { skip: (row) => row === 1 || row === 2 });
  expect(skipping).toMatchObject({
    text: '4,d,4\n',
    rows: 4,
    loaded: 1,
    refused: [{ row: 3, offset: 10, length: 3, reason: 'nul_byte' }],
  });
  expect(encodeAll(bytes, dialectOf(), 2).refused.map(({ row, reason }) => [row, reason])).toEqual([
    [2, 'stray_quote'],
    [3, 'nul_byte'],
  ]);
});

test('a batch stops at the record end that reaches maxInput, and before what does not fit', () => {
  const bytes = Buffer.from('x\naaa,bbb\nccc,ddd\neee,fff\n');
  const encoder = new BatchEncoder({ dialect: dialectOf(), columns: 2 });
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
  const lines = encodeAll(Buffer.from('x\n'.repeat(1234)), dialectOf(), 1)
    .text.split('\n')
    .slice(0, -1);
  expect(lines).toEqual(Array.from({ length: 1234 }, (_, k) => `${k + 1},x`));
});

test('quotes by the 100 MB and cells of megabytes take time in proportion', () => {
  const bytes = Buffer.concat([Buffer.from('a,'), Buffer.alloc(100e6, '"'), Buffer.from('\nb,c\n')]);
  const encoder = new BatchEncoder({ dialect: dialectOf(), columns: 2 });
  const out = Buffer.alloc(bytes.length + 20);
  expect(encoder.encode(bytes, { from: 0, out, firstRow: 1, final: true, maxInput: 1e9 })).toMatchObject({
    rows: 2,
    loaded: 2,
  });
}, 20_000);

test('the line that COPY reports leads back to the record, line breaks in values counted as PostgreSQL does', () => {
  // In the first record, before any line end has been seen, PostgreSQL counts quoted CRs; from then on quoted LFs.
  const batch = Buffer.from('7,"a\nb\rc"\n8,x\n9,"d\n\ne\r"\n10,y\n');
  const rows = Array.from({ length: 8 }, (_, k) => recordAt(batch, { delimiter: ',' }, k + 1));
  expect(rows.map((record) => record?.row)).toEqual([7, 7, 8, 9, 9, 9, 10, undefined]);
  const texts = rows.map((record) => record && batch.toString('utf8', record.start, record.end));
  const [seven, nine] = ['"a\nb\rc"', '"d\n\ne\r"'];
  expect(texts).toEqual([seven, seven, 'x', nine, nine, nine, 'y', null]);
});

test('formatRecord quotes only what needs it', () => {
  expect(formatRecord([null, '', 'a', 'b,c', 'd"e', 'f\n', '\\.', ' '], ',')).toBe(
    ',"",a,"b,c","d""e","f\n","\\.", '.replace('," "', ', '),
  );
});
