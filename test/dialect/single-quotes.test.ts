import fc from 'fast-check';
import { expect, it } from 'vitest';
import { hasSingleQuotes } from '../../src/dialect/single-quotes.js';
import { cpuMs } from '../support/cpu-ms.js';

/** What it must find, in time by the square of the text. */
const QUOTED = /(?:^|[,;\t|^~:\r\n ])'[^'\r\n]*(?:'[^,;\t|\r\n']+)*'(?:[,;\t|^~: \r\n]|$)/;

it.each([
  ["a,'b, c'\n", true],
  ["'it's'", true],
  ["''", true],
  ["a,'b\nc'\n", false],
  ["it's o'clock", false],
  ["rock 'n roll", false],
  ["a'b'c", false],
])('of %j it says %j', (text, expected) => {
  expect(hasSingleQuotes(text)).toBe(expected);
});

it('finds what the expression finds', () => {
  const text = fc.string({ unit: fc.constantFrom("'", "'", ' ', 'a', ',', '\n', '~', '\r'), maxLength: 12 });
  fc.assert(
    fc.property(text, (one) => hasSingleQuotes(one) === QUOTED.test(one)),
    { numRuns: 20_000 },
  );
});

it.each([" 'a", "'", "'a", "' ", ",'"])('looks at a MiB of %j once', (text) => {
  expect(cpuMs(() => hasSingleQuotes(`x${text.repeat((1 << 20) / text.length)}x`))).toBeLessThan(1000);
});
