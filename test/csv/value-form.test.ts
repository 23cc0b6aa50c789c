import fc from 'fast-check';
import { expect, test } from 'vitest';
import { columnType, describeEvidence, emptyEvidence, findType, mergeEvidence } from '../../src/csv/evidence.js';
import { matcherOf } from '../../src/csv/form-matcher.js';
import { typeOfValue } from '../../src/csv/type-of-value.js';
import { type FormHints, formsOfValue } from '../../src/csv/value-form.js';
import { readerOfType } from '../../src/csv/value-reader.js';
import { dialectOf, eachEngine } from './support.js';

type Engine = Parameters<Parameters<typeof eachEngine>[0]>[0];

function evidenceOf(values: string[], csv: Engine, hints: FormHints = {}) {
  const bytes = Buffer.from(values.map((value) => `"${value.replaceAll('"', '""')}"\n`).join(''));
  const scanner = csv.scanner({ dialect: dialectOf(), columns: 1, firstRow: 1, hints });
  scanner.scan(bytes, { baseOffset: 0, final: true });
  return scanner.evidence[0]!;
}

const VALUES = ['1', '12', '999', '1000', '1.5', '1.234', '1,5', '1.234,5', '1,234.5', '12.50', '', 'true', 'false'];
const DAYS = ['2024-01-31', '31.12.2024', '01.02.2024', '2024-01-31 10:00:00.5', '2024-01-31T10:00:00', '10:00'];

eachEngine((csv) => {
  test('a column whose values share one form gets its type', () => {
    const cases: [string[], string, string][] = [
      [['31.12.2024', '01.02.2024'], 'date', 'DD.MM.YYYY'],
      [['12/31/2024', '01/02/2024'], 'date', 'MM/DD/YYYY'],
      [['31.1.2024', '1.12.2024'], 'date', 'FMDD.FMMM.YYYY'],
      [['2024/01/31', '2024/02/01'], 'date', 'YYYY/MM/DD'],
      [['5', '12', '1.234,50', '-0,5'], 'numeric', '1.234,5'],
      [['5,00', '99,90', '1234,50'], 'numeric', '1,5'],
      [['12.50', '7', '1,234.50', '12,345,678.00'], 'numeric', '1,234.5'],
      [['1.234', '1.234,50'], 'numeric', '1.234,5'],
      [['999', '12.345.678'], 'numeric', '1.234,5'],
      [['1 234,50', '12,00'], 'numeric', '1 234,5'],
      [['true', 'false', 'true'], 'boolean', 'true/false'],
      [['No', 'Yes'], 'boolean', 'Yes/No'],
      [['2024-01-31T10:00:00', '2024-02-01T00:00:00'], 'timestamp', 'YYYY-MM-DD"T"HH24:MI:SS'],
      [['2024-01-31T10:00:00Z'], 'timestamptz', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'],
      [['2024-01-31T10:00:00.120Z', '2024-01-31T10:00:00.345Z'], 'timestamptz', 'YYYY-MM-DD"T"HH24:MI:SS.F3"Z"'],
      [['2024-01-31 10:00:00+02:00', '2024-07-31 10:00:00+02:00'], 'timestamptz', 'YYYY-MM-DD HH24:MI:SS"+02:00"'],
      [['2024-01-31 10:00:00.123', '2024-01-31 10:00:00.120'], 'timestamp', 'YYYY-MM-DD HH24:MI:SS.F3'],
      [['31.12.2024 08:15', '01.01.2025 23:59'], 'timestamp', 'DD.MM.YYYY HH24:MI'],
      [['08:15', '23:59'], 'time', 'HH24:MI'],
      [['{"a":1}', '[]'], 'json', 'json'],
      [['0123ABCD-0123-4567-89AB-CDEF01234567'], 'uuid', 'UPPER'],
    ];
    for (const [values, type, form] of cases)
      expect([values, findType(evidenceOf(values, csv))]).toEqual([values, { type, form }]);
  });

  test('mixed and doubtful forms stay text', () => {
    const cases = [
      ['01.02.2024', '03.04.2024'],
      ['1,234', '5,678'],
      ['31.12.2024', '12/31/2024'],
      ['true', 'no'],
      ['true', 'TRUE'],
      ['007', '008'],
      ['+1', '1,5'],
      ['1.5', '1,5'],
      ['1.234,50', '1234,50'],
      ['2024-01-31T10:00:00Z', '2024-01-31T10:00:00+02:00'],
      ['2024-01-31 10:00:00', '2024-01-31T10:00:00'],
      ['32.12.2024'],
      ['31.12.24'],
      ['1e3', '5'],
      ['-0,0'],
      ['{"a":1}', 'no json'],
      ['08:15', '8:15'],
      ['1.234.5', '1'],
    ];
    for (const values of cases) expect([values, findType(evidenceOf(values, csv))]).toEqual([values, { type: 'text' }]);
  });

  test('what is given decides between two readings', () => {
    const days = ['01.02.2024', '03.04.2024'];
    expect(findType(evidenceOf(days, csv), { dateOrder: 'dmy' })).toEqual({ type: 'date', form: 'DD.MM.YYYY' });
    expect(findType(evidenceOf(days, csv), { dateOrder: 'mdy' })).toEqual({ type: 'date', form: 'MM.DD.YYYY' });
    expect(describeEvidence(evidenceOf(days, csv))).toMatch(/DD\.MM\.YYYY and as MM\.DD\.YYYY, so give date_order/);
    const numbers = ['1,234', '5,678'];
    for (const [decimalComma, form] of [
      [true, '1,5'],
      [false, '1,234.5'],
    ] as const) {
      const hints = { decimalComma };
      expect(findType(evidenceOf(numbers, csv, hints), hints)).toEqual({ type: 'numeric', form });
    }
    const hints = { decimalComma: true };
    expect(findType(evidenceOf(['1.234', '5.678'], csv, hints), hints)).toEqual({ type: 'numeric', form: '1.234,5' });
    expect(findType(evidenceOf(['1.5'], csv, hints), hints)).toEqual({ type: 'text' });
  });

  test('the evidence does not depend on where a file is cut', () => {
    const column = fc.array(fc.constantFrom(...VALUES, ...DAYS), { maxLength: 8 });
    fc.assert(
      fc.property(column, column, column, (a, b, c) => {
        const [x, y, z] = [a, b, c].map((values) => evidenceOf(values, csv));
        const whole = evidenceOf([...a, ...b, ...c], csv);
        const merged = mergeEvidence(mergeEvidence(mergeEvidence(emptyEvidence(), x!), y!), z!);
        expect(findType(merged)).toEqual(findType(whole));
        expect(findType(mergeEvidence(x!, mergeEvidence(y!, z!)))).toEqual(findType(whole));
        expect(columnType(merged)).toBe(findType(whole).type);
      }),
      { numRuns: 2000 },
    );
  });
});

test('a given type reads days and numbers as they are given', () => {
  const date = readerOfType('date', { dateOrder: 'dmy' });
  expect(['31.12.2024', '1/2/2024', '2024-12-31', '12/31/2024', '31.12.24'].map(date)).toEqual([
    '2024-12-31',
    '2024-2-1',
    '2024-12-31',
    null,
    null,
  ]);
  const numeric = readerOfType('numeric', { decimalComma: true });
  expect(['1.234,50', '1234,5', '7', '1.5', '1,234.5'].map(numeric)).toEqual(['1234.50', '1234.5', '7', null, null]);
  expect(readerOfType('integer', { decimalComma: true })('1.234')).toBe('1234');
  expect(readerOfType('date', {})('31.12.2024')).toBeNull();
});

test('a form that is matched by bytes is one that the value has', () => {
  const signs = fc.stringMatching(/^[-+]?[\d.,/:TZ' -]{1,24}$/);
  const near = fc.constantFrom(
    ...VALUES,
    ...DAYS,
    '2024-01-31T10:00:00.500Z',
    '1/2/2024',
    "1'000.5",
    '0,5',
    '-0,5',
    'yes',
  );
  fc.assert(
    fc.property(fc.oneof(signs, near), fc.oneof(signs, near), (a, b) => {
      const bytes = [a, b].map((text) => Buffer.from(text));
      const [of, other] = bytes.map((value) => formsOfValue(value.toString(), typeOfValue(value, 0, value.length)));
      for (const form of of!) {
        if (matcherOf(form)(bytes[1]!, 0, bytes[1]!.length))
          expect([b, other]).toEqual([b, expect.arrayContaining([form])]);
      }
    }),
    { numRuns: 20_000 },
  );
  for (const [form, value] of [
    ['FMMM/FMDD/YYYY', '5/28/2010'],
    ['1.234,5', '1.234,50'],
    ['yes/no', 'no'],
    ['HH24:MI', '08:15'],
  ] as const)
    expect(matcherOf(form)(Buffer.from(`x${value}x`), 1, value.length + 1)).toBe(true);
});
