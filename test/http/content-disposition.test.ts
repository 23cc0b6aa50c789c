import { expect, it } from 'vitest';
import { attachment } from '../../src/http/content-disposition.js';

it.each([
  ['sales.csv', 'sales.csv', 'sales.csv'],
  ['výsledek 1.csv', 'v_sledek 1.csv', 'v%C3%BDsledek%201.csv'],
  ['売上.csv', '__.csv', '%E5%A3%B2%E4%B8%8A.csv'],
  ['a/b\\c.csv', 'a_b_c.csv', 'a_b_c.csv'],
  ['say "hi".csv', 'say _hi_.csv', 'say%20%22hi%22.csv'],
  ["it's (1)*.csv", "it's (1)*.csv", 'it%27s%20%281%29%2A.csv'],
  ['100%25.csv', '100_25.csv', '100%2525.csv'],
  ['a\r\nSet-Cookie: x.csv', 'a__Set-Cookie_ x.csv', 'a%0D%0ASet-Cookie%3A%20x.csv'],
])('%j is saved by old clients as %s, by others as it is (RFC 6266, RFC 8187)', (name, plain, extended) => {
  expect(attachment(name)).toBe(`attachment; filename="${plain}"; filename*=UTF-8''${extended}`);
});
