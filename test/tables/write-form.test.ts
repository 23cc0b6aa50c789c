import fc from 'fast-check';
import { expect, it } from 'vitest';
import { typeOfValue } from '../../src/csv/type-of-value.js';
import { type FormName, formsOfValue, readForm, typeOfForm } from '../../src/csv/value-form.js';
import { readerOfForm } from '../../src/csv/value-reader.js';
import { writeForm } from '../../src/tables/write-form.js';
import { useDatabase } from '../postgres/support.js';

const db = useDatabase();

const two = (n: number) => String(n).padStart(2, '0');
const between = (min: number, max: number) => fc.integer({ min, max });
const maybePadded = fc.tuple(fc.boolean(), between(1, 31)).map(([isPadded, n]) => (isPadded ? two(n) : String(n)));
const year = fc.oneof(between(1, 9999), between(1990, 2030)).map((n) => String(n).padStart(4, '0'));
const day = fc
  .tuple(maybePadded, maybePadded, year, fc.constantFrom('.', '/', '-'), fc.boolean())
  .map(([a, b, y, sign, isFirst]) => (isFirst ? [y, a, b] : [a, b, y]).join(sign));
const clock = fc
  .tuple(between(0, 23), between(0, 59), between(0, 59), fc.stringMatching(/^(\.\d{1,6})?$/), fc.constantFrom(0, 1, 2))
  .map(([h, m, s, fraction, parts]) => `${two(h)}:${two(m)}${['', `:${two(s)}`, `:${two(s)}${fraction}`][parts]}`);
const zone = fc.constantFrom('', '', 'Z', '+02:00', '-0530', '+00', '-11:30', '+14:00');
const moment = fc.tuple(day, fc.constantFrom('T', ' '), clock, zone).map((parts) => parts.join(''));
const number = fc
  .tuple(
    fc.stringMatching(/^-?[1-9]\d{0,14}$/),
    fc.stringMatching(/^(\d{1,6})?$/),
    fc.constantFrom('.,', ',.', ' ,', "',", ' .', ',', '.'),
  )
  .map(([whole, fraction, signs]) => {
    const [group, decimal] = signs.length === 2 ? [...signs] : ['', signs];
    const grouped = whole.replace(/(\d)(?=(\d{3})+$)/g, `$1${group}`);
    return fraction === '' ? grouped : grouped + decimal + fraction;
  });
const word = fc.constantFrom('true', 'False', 'YES', 'no', 'TRUE', 'No');
const uuid = fc.uuid().map((text) => text.toUpperCase());

it('what is read by a form comes back as it was written', async () => {
  const values = fc.sample(fc.oneof(day, moment, moment, number, clock, word, uuid), { numRuns: 6000, seed: 7 });
  const cases = values.flatMap((value) => {
    const bytes = Buffer.from(value);
    const forms = formsOfValue(value, typeOfValue(bytes, 0, bytes.length));
    return forms.map((form) => ({ value, form, read: readForm(form, value)!, sent: sentBy(form, value) }));
  });
  expect(cases.filter(({ value, read }) => read.length > value.length)).toEqual([]);
  expect(cases.filter(({ read, sent }) => sent !== read)).toEqual([]);
  const byForm = groups(cases);
  expect(byForm.size).toBeGreaterThan(60);
  for (const [form, some] of byForm) expect(await backFromPostgres(form, some)).toEqual([]);
});

/** The value as it is sent: rewritten in its place where that is quicker. */
function sentBy(form: FormName, value: string): string {
  const reader = readerOfForm(form);
  if (!reader) return readForm(form, value)!;
  const bytes = Buffer.from(`x${value}x`);
  return reader.rewrite?.(bytes, 1, bytes.length - 1)
    ? bytes.toString('utf8', 1, bytes.length - 1)
    : reader.read(value)!;
}

/** The values that come back otherwise. */
async function backFromPostgres(form: FormName, cases: { value: string; read: string }[]): Promise<unknown[]> {
  const type = typeOfForm(form);
  const { rows } = await db.pool.query(
    `SELECT value, read, (${writeForm('v', await longName(type), form)})::text AS back
       FROM (SELECT value, read, read::${type} AS v FROM unnest($1::text[], $2::text[]) AS t (value, read)) s`,
    [cases.map(({ value }) => value), cases.map(({ read }) => read)],
  );
  return rows.filter(({ value, back }) => back !== value).map((row) => ({ form, ...row }));
}

async function longName(type: string): Promise<string> {
  return (await db.pool.query('SELECT format_type($1::regtype, NULL) AS name', [type])).rows[0].name;
}

function groups<T extends { form: string }>(cases: T[]): Map<string, T[]> {
  const byForm = new Map<string, T[]>();
  for (const one of cases) byForm.set(one.form, [...(byForm.get(one.form) ?? []), one]);
  return byForm;
}

it('moments at the ends of the calendar come back, also where UTC has another year', async () => {
  const last = '9999-12-31T23:59:59';
  const values = [
    '0001-01-01T00:00:00+08:00',
    `${last}-03:00`,
    '0001-01-01T00:00:00+14:00',
    `${last}.5-1130`,
    `${last}Z`,
  ];
  for (const value of values) {
    const [form] = formsOfValue(value, typeOfValue(Buffer.from(value), 0, value.length));
    expect(await backFromPostgres(form!, [{ value, read: readForm(form!, value)! }])).toEqual([]);
  }
});

it('a column whose type has changed since is written as it is', () => {
  expect(writeForm('c', 'text', 'DD.MM.YYYY')).toBe('c');
  expect(writeForm('c', 'date', undefined)).toBe('c');
});

it('values that the form cannot hold are written as PostgreSQL writes them', async () => {
  const write = async (form: string, type: string, value: string) =>
    (await db.pool.query(`SELECT ${writeForm('v', type, form)} AS back FROM (SELECT $1::${type} AS v) s`, [value]))
      .rows[0].back;
  expect(await write('DD.MM.YYYY', 'date', 'infinity')).toBe('infinity');
  expect(await write('DD.MM.YYYY', 'date', '0044-03-15 BC')).toBe('0044-03-15 BC');
  expect(await write('1.234,5', 'numeric', 'NaN')).toBe('NaN');
  expect(await write('DD.MM.YYYY', 'date', null as unknown as string)).toBeNull();
  expect(await write('true/false', 'boolean', null as unknown as string)).toBeNull();
  expect(await write('1.234,5', 'numeric', null as unknown as string)).toBeNull();
});
