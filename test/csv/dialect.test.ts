import { expect, test } from 'vitest';
import { detectDialect } from '../../src/csv/dialect.js';

function detect(text: string) {
  const { delimiter, newline } = detectDialect(Buffer.from(text));
  return [delimiter, newline];
}

test.each([
  ['plain commas', 'a,b\n1,2\n', ',', '\n'],
  ['decimal commas between semicolons', 'name;price;qty\nx;1,5;2\ny;2,75;1\n', ';', '\n'],
  ['commas in names and prices between semicolons', 'Name, Vorname;Preis\nMeier, Hans;1,5\nKurz, Eva;2,5\n', ';', '\n'],
  ['semicolons in quotes between commas', 'a,b\n"1;2;3",x\n"4;5;6",y\n', ',', '\n'],
  ['tabs with commas in the text', 'a\tb\r\nx, y, z\t1\r\nu, v\t2\r\n', '\t', '\r\n'],
  ['pipes', 'a|b|c\n1|2|3\n', '|', '\n'],
  ['one ragged row', `a;b;c\n${'1,0;2;3\n'.repeat(20)}1;2\n`, ';', '\n'],
  ['a single column', 'name\nx\ny\n', ',', '\n'],
  ['a single column of decimal commas', 'price\n1,5\n2,5\n', ',', '\n'],
  ['CR only', 'a,b\r1,2\r3,4\r', ',', '\r'],
  ['CRLF in quotes of an LF file', 'a,b\n"x\r\ny\r\nz",2\n', ',', '\n'],
  ['a head cut in a quoted record', 'a;b\n1;2\n3;"x,y,z', ';', '\n'],
  ['a header only', 'a;b;c', ';', '\n'],
  ['a separator line', 'sep=|\na,b|c,d\n', '|', '\n'],
  ['nothing', '', ',', '\n'],
  ['inch marks', 'size|name\n5"|x\n""|y\n6"|z\n', '|', '\n'],
])('%s', (_, text, delimiter, newline) => {
  expect(detect(text)).toEqual([delimiter, newline]);
});

test('a byte order mark is seen and is not part of the header', () => {
  expect(detectDialect(Buffer.from('\ufeff"a";b\n1;2\n'))).toMatchObject({ bom: true, delimiter: ';' });
});

test('overrides win, and unsupported ones are refused', () => {
  expect(detectDialect(Buffer.from('a,b\n'), { delimiter: ';' }).delimiter).toBe(';');
  expect(() => detectDialect(Buffer.from('a,b\n'), { delimiter: ':' as ';' })).toThrow(
    expect.objectContaining({ code: 'unsupported_dialect' }),
  );
});
