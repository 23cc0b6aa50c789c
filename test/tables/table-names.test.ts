import { expect, test } from 'vitest';
import { firstFreeName, longestName, withSuffix } from '../../src/tables/table-names.js';

const LONG = 'x'.repeat(70);

test('an unused name is kept as it is', () => {
  expect(firstFreeName('sales', new Set(['sale', 'sales_2']))).toBe('sales');
});

test('the first number that is free comes behind a name that something has', () => {
  expect(firstFreeName('sales', new Set(['sales']))).toBe('sales_2');
  expect(firstFreeName('sales', new Set(['sales', 'sales_2', 'sales_4']))).toBe('sales_3');
});

test('a name whose type of arrays is there counts as one that something has', () => {
  expect(firstFreeName('sales', new Set(['_sales']))).toBe('sales_2');
});

test('a name is cut to the 63 bytes of PostgreSQL, never inside of a character or of its suffix', () => {
  expect(longestName(LONG)).toBe('x'.repeat(63));
  expect(longestName(`${'x'.repeat(62)}é`)).toBe('x'.repeat(62));
  expect(withSuffix(LONG, '_pkey')).toBe(`${'x'.repeat(58)}_pkey`);
  expect(firstFreeName(LONG, new Set([longestName(LONG)]))).toBe(`${'x'.repeat(61)}_2`);
});
