import fc from 'fast-check';
import { expect, test } from 'vitest';
import { columnType, describeEvidence, emptyEvidence, mergeEvidence } from '../../src/csv/evidence.js';
import { typeOfValue } from '../../src/csv/type-of-value.js';
import { TYPES } from '../../src/csv/value-type.js';
import { dialectOf, eachEngine } from './support.js';

function typeOf(value: string): string {
  const bytes = Buffer.from(`xx${value}xx`);
  return TYPES[typeOfValue(bytes, 2, bytes.length - 2)];
}

test.each([
  ['integer', ['0', '7', '-1', '2147483647', '-2147483648']],
  ['bigint', ['2147483648', '-2147483649', '9223372036854775807', '-9223372036854775808']],
  ['numeric', ['9223372036854775808', '-9223372036854775809', '1.0', '-0.01', '0.00', '12.50', `1${'0'.repeat(99)}`]],
  ['date', ['2024-02-29', '0001-01-01', '9999-12-31', '2000-02-29']],
  ['timestamp', ['2024-01-31 23:59:59', '2024-01-31 00:00:00.1', '2024-01-31 00:00:00.000001']],
  ['uuid', ['0123abcd-0123-4567-89ab-cdef01234567']],
])('%s values', (type, values) => {
  for (const value of values) expect([value, typeOf(value)]).toEqual([value, type]);
});

test.each([
  ...[
    '007',
    '+1',
    '-0',
    '-0.00',
    '1.',
    '.5',
    '1e5',
    ' 1',
    '1 ',
    'NaN',
    'Infinity',
    'true',
    '-',
    '1,5',
    '1.2.3',
    '',
    '--1',
    '00',
    '01.5',
  ],
  ...['2023-02-29', '1900-02-29', '2024-13-01', '2024-00-10', '2024-04-31', '0000-01-01', '2024-1-1', '2024-01-01x'],
  ...[
    '2024-01-01 24:00:00',
    '2024-01-01 23:59:60',
    '2024-01-01T00:00:00',
    '2024-01-01 00:00:00.10',
    '2024-01-01 00:00:00.',
  ],
  ...[
    '2024-01-01 00:00:00.1234567',
    '2024-01-01 00:00',
    '0123ABCD-0123-4567-89ab-cdef01234567',
    `1${'0'.repeat(100)}`,
    '１',
  ],
])('%j is text', (value) => {
  expect(typeOf(value)).toBe('text');
});

const values = fc.array(
  fc.constantFrom(
    '',
    '""',
    '1',
    '"2"',
    '3000000000',
    '99999999999999999999',
    '1.5',
    '-0.0',
    '2024-01-01',
    '007',
    'x',
    '2024-01-01 00:00:00',
  ),
);

eachEngine((engine) => {
  function evidenceOf(values: string[], firstRow = 1) {
    const scanner = engine.scanner({ dialect: dialectOf(), columns: 2, firstRow });
    scanner.scan(Buffer.from(values.map((value) => `${value},\n`).join('')), { baseOffset: 0, final: true });
    return scanner.evidence[0]!;
  }

  test('the evidence of two segments merges into that of one pass over both', () => {
    fc.assert(
      fc.property(values, values, (a, b) => {
        const merged = mergeEvidence(evidenceOf(a), evidenceOf(b, a.length + 1));
        expect(merged).toEqual(evidenceOf([...a, ...b]));
        expect(JSON.parse(JSON.stringify(merged))).toEqual(merged);
        expect(mergeEvidence(emptyEvidence(), merged)).toEqual(merged);
      }),
      { numRuns: 1000 },
    );
  });

  test('the quick path finds the same types as looking at each value by itself', () => {
    const digits = fc.stringMatching(/^-?[0-9]{1,22}(\.[0-9]{0,4})?$/);
    const time = fc.stringMatching(/^20[0-9]{2}-[01][0-9]-[0-3][0-9]( 2[0-4]:[0-6][0-9]:00)?$/);
    fc.assert(
      fc.property(fc.array(fc.oneof(digits, time), { minLength: 1 }), fc.boolean(), (list, quote) => {
        const one = evidenceOf(list.map((value) => (quote ? `"${value}"` : value)));
        const merged = list.map((value) => evidenceOf([value])).reduce(mergeEvidence);
        expect(columnType(one)).toBe(columnType(merged));
        expect(one.values).toBe(list.length);
      }),
      { numRuns: 1000 },
    );
  });

  test.each([
    ['integer', ['1', '2147483647', '-2147483648']],
    ['bigint', ['1', '2147483648']],
    ['bigint', ['1', '-2147483649']],
    ['bigint', ['3000000000', '9223372036854775807', '-9223372036854775808']],
    ['numeric', ['3000000000', '9223372036854775808']],
    ['numeric', ['3000000000', '-9223372036854775809']],
    ['numeric', ['1.5', '-0.5', '10', `-${'9'.repeat(60)}.${'9'.repeat(40)}`]],
    ['text', ['1.5', '-0.0']],
    ['text', ['1.5', `1${'0'.repeat(60)}.${'0'.repeat(40)}`]],
    ['text', ['1.5', '.5']],
    ['text', ['1.5', '5.']],
    ['text', ['1.5', '1.2.3']],
    ['text', ['1', '01']],
    ['text', ['1', '-']],
    ['text', ['1', '-0']],
    ['date', ['2024-01-01', '2024-02-29', '2023-12-31']],
    ['text', ['2024-01-01', '2023-02-29']],
    ['text', ['2024-01-01', '2024-01-01 00:00:00']],
    ['timestamp', ['2024-01-01 00:00:00', '2024-01-01 23:59:59.123']],
    ['text', ['2024-01-01 00:00:00', '2024-01-01 23:59:59.120']],
  ])('a column is %s where values at a limit follow others: %j', (type, list) => {
    expect(columnType(evidenceOf(list))).toBe(type);
    expect(columnType(evidenceOf(list.map((value) => `"${value}"`)))).toBe(type);
  });

  test('evidence is described in one sentence', () => {
    expect(describeEvidence(evidenceOf(['1', '', '007']))).toBe(
      'text: 2 values, 1 NULL; row 3 holds "007", which integer would refuse or alter.',
    );
    expect(describeEvidence(evidenceOf(['1', '1.5']))).toBe(
      'numeric: 2 values, no NULLs; row 2 holds "1.5", which integer cannot hold.',
    );
    expect(describeEvidence(evidenceOf(['', '']))).toBe(
      'text: 0 values, 2 NULLs; there is no value to tell a type from.',
    );
    expect(describeEvidence(evidenceOf(['1']))).toBe(
      'integer: 1 value, no NULLs; every value is written as integer writes it.',
    );
    expect(columnType(evidenceOf(['']))).toBe('text');
  });
});
