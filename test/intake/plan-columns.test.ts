import { expect, it } from 'vitest';
import { planColumns } from '../../src/intake/plan-columns.js';
import { cpuMs } from '../support/cpu-ms.js';

const listed = (...names: string[]) => names.map((name) => ({ name }));
const fieldsOf = (headers: string[], names: string[]) => {
  const { columns, missing } = planColumns(headers, listed(...names));
  return [columns.map(({ field }) => field), missing];
};

it('finds a column by its name, else but for spaces and byte order marks around it', () => {
  expect(fieldsOf([' a', '\ufeffb ', 'c'], ['c', 'b', 'a'])).toEqual([[2, 1, 0], []]);
  expect(fieldsOf(['a', ' a', 'c'], ['a ', 'x'])).toEqual([
    [0, 1, 2],
    ['a ', 'x'],
  ]);
});

it('takes each column once, the first of a name first', () => {
  expect(fieldsOf(['a', 'b', 'a'], ['a', 'a', 'a'])).toEqual([[0, 1, 2], ['a']]);
  // The first name claims one of the two that are alike but for spaces, so that the second means the other one.
  expect(fieldsOf([' a', 'a ', 'b'], ['a ', 'a'])).toEqual([[1, 0, 2], []]);
});

it('gives both columns of a name its type', () => {
  const { columns, missing } = planColumns(['a', ' b', 'a', ' c', 'c '], {
    a: 'text',
    b: 'date',
    c: 'date',
    d: 'text',
  });
  expect(columns.map(({ type }) => type)).toEqual(['text', 'date', 'text', undefined, undefined]);
  expect(missing).toEqual(['c', 'd']);
});

it('takes time by the number of columns, not by its square', () => {
  const headers = Array.from({ length: 6_000 }, (_, i) => `Column é ${i}`);
  const unknown = headers.map((name) => `${name}x`);
  expect(cpuMs(() => planColumns(headers, listed(...unknown)))).toBeLessThan(1000);
  const types = Object.fromEntries(unknown.map((name) => [name, 'text']));
  expect(cpuMs(() => planColumns(headers, types))).toBeLessThan(1000);
});
