import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isJson, isJsonb } from '../../src/csv/spell-json.js';

const isParsed = (text: string) => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

const PIECES = [
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '"',
  '\\',
  '\\u00',
  '61',
  ' ',
  '\n',
  '0',
  '-',
  '.',
  'e',
  '12',
  'true',
  'null',
  'a',
  'é',
  '\0',
];

test('JSON is what JSON.parse reads', () => {
  const broken = fc
    .tuple(fc.json(), fc.nat(), fc.constantFrom(...PIECES), fc.boolean())
    .map(([text, at, piece, isInstead]) => {
      const place = at % (text.length + 1);
      return text.slice(0, place) + piece + text.slice(place + (isInstead ? 1 : 0));
    });
  const pieces = fc.array(fc.constantFrom(...PIECES), { maxLength: 12 }).map((all) => all.join(''));
  fc.assert(
    fc.property(fc.oneof(fc.json(), broken, pieces), (text) => {
      expect(isJson(text)).toBe(isParsed(text));
      if (isJsonb(text)) expect(isParsed(text)).toBe(true);
    }),
    { numRuns: 20_000 },
  );
});

test('a document of 20 MB is read in time, and without a copy of it', () => {
  const text = `[${'{"key":"value","list":[1,2,3]},'.repeat(600_000)}1]`;
  const before = process.memoryUsage().heapUsed;
  expect(isJson(text)).toBe(true);
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(100e6);
  expect(isJsonb(`{"a":${text},"\\u0061":1}`)).toBe(false);
});
