import { expect, it } from 'vitest';
import { possibleHeaders } from '../../src/intake/possible-headers.js';

const of = (head: string, options = {}) => possibleHeaders(Buffer.from(head), options);

it('reads a header by each delimiter, the likeliest first', () => {
  expect(of('a;b,c;d\n')).toEqual([['a', 'b,c', 'd'], ['a;b', 'c;d'], ['a;b,c;d'], ['a;b,c;d']]);
  expect(of('a;b,c;d\n', { delimiter: ',' })).toEqual([['a;b', 'c;d']]);
});

it('takes the rows that are there for a hint, and the delimiter of the request as it is', () => {
  expect(of('a,b;c\n')?.[0]).toEqual(['a', 'b;c']);
  expect(of('a,b;c\n1;2\n1;2\n')?.[0]).toEqual(['a,b', 'c']);
});

it.each([
  ['nothing', ''],
  ['a header that is not whole', 'a,b'],
  ['blank lines', '\n\r\n'],
  ['an open quote', '"a\nb'],
  ['a bare CR, after which the rest decides what ends a line', 'a,b\r1,2\n'],
  ['what is no text', 'PK\x03\x04\n'],
])('says nothing yet of %s', (_what, head) => {
  expect(of(head)).toBeNull();
});

it('reads a header that ends in CR where the request says so', () => {
  expect(of('a,b\r1,2\n', { newline: '\r' })?.[0]).toEqual(['a', 'b']);
});
