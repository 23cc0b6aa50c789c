import { NUMBER_FORMS } from '../contract/number-forms.js';
import { isJson } from './spell-json.js';
import { BIGINT, INTEGER, MAX_DIGITS, NUMERIC, TEXT } from './type-codes.js';
import { typeOfValue } from './type-of-value.js';
import type { TypeCode } from './value-type.js';

/**
 * How the values of a column are written where PostgreSQL writes them otherwise. The name is what users see:
 * `true/false`, `1.234,5` (decimal comma, points between thousands), `DD.MM.YYYY`, `YYYY-MM-DD"T"HH24:MI:SS.F3"Z"`
 * (templates as of to_char; F3 is a fraction of three digits, F one without zeros at its end), `UPPER` (uuid), `json`.
 */
export type FormName = string;

export type FormedType = 'boolean' | 'numeric' | 'date' | 'time' | 'timestamp' | 'timestamptz' | 'uuid' | 'json';

/** What a caller says about all columns of a file. */
export interface FormHints {
  /** Order of day and month. */
  dateOrder?: 'ymd' | 'dmy' | 'mdy';
  decimalComma?: boolean;
}

/** A longer value is text, unless it is JSON. */
const LONGEST = 64;
const NO_FORMS: readonly FormName[] = [];

const NUMBER_NAMES = [...NUMBER_FORMS.keys()];
/** The forms of a whole number of four digits and more that stand together. */
const UNGROUPED = ['1,5'];

const BOOLEANS = ['true/false', 'True/False', 'TRUE/FALSE', 'yes/no', 'Yes/No', 'YES/NO'];
const BOOLEAN_OF = new Map(BOOLEANS.flatMap((form) => form.split('/').map((word) => [word, [form]] as const)));

/**
 * Returns the forms that a value has; none where it is text only, or where only PostgreSQL's own form fits.
 * @param code of the value, by `typeOfValue`
 */
export function formsOfValue(text: string, code: TypeCode): readonly FormName[] {
  if (code === INTEGER || code === BIGINT) return isSmall(text) ? NUMBER_NAMES : UNGROUPED;
  const first = text.charCodeAt(0);
  if (first === 0x7b || first === 0x5b) return isJson(text) ? ['json'] : NO_FORMS;
  if (text.length > LONGEST) return NO_FORMS;
  if (code === NUMERIC) return numberForms(text);
  const isDigit = first >= 0x30 && first <= 0x39;
  if (isDigit || first === 0x2d) {
    const forms = isDigit ? timeForms(text) : NO_FORMS;
    if (forms.length > 0) return forms;
    const numbers = numberForms(text);
    if (numbers.length > 0 || text.length !== 36) return numbers;
  }
  return BOOLEAN_OF.get(text) ?? (UPPER_UUID.test(text) ? ['UPPER'] : NO_FORMS);
}

/** Whether a canonical number has at most three digits before its point: no form would write it otherwise. */
export function isSmall(text: string): boolean {
  const point = text.indexOf('.');
  return (point < 0 ? text.length : point) - (text.startsWith('-') ? 1 : 0) <= 3;
}

const UPPER_UUID = /^[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}$/;

function numberForms(text: string): FormName[] {
  return NUMBER_NAMES.filter((form) => plainNumber(form, text) !== null);
}

const GROUPS = new Map(
  [...NUMBER_FORMS].map(([name, { decimal, group }]) => {
    const whole = group === '' ? String.raw`\d{1,100}` : String.raw`\d{1,3}(?:${escapeSign(group)}\d{3})*`;
    return [name, new RegExp(String.raw`^-?${whole}(?:${escapeSign(decimal)}\d{1,100})?$`)];
  }),
);

function escapeSign(sign: string): string {
  return sign === '.' ? '\\.' : sign;
}

/** Returns the number as PostgreSQL writes it; null for one that is not of the form, or has another spelling there. */
function plainNumber(form: FormName, text: string): string | null {
  if (text.length > 2 * MAX_DIGITS || !GROUPS.get(form)!.test(text)) return null;
  const { decimal, group } = NUMBER_FORMS.get(form)!;
  const whole = group === '' ? text : text.replaceAll(group, '');
  const plain = decimal === '.' ? whole : whole.replace(decimal, '.');
  return isCanonical(plain) ? plain : null;
}

function isCanonical(plain: string): boolean {
  const bytes = Buffer.from(plain, 'latin1');
  return typeOfValue(bytes, 0, bytes.length) <= NUMERIC;
}

const DAY = String.raw`(\d{1,4})([./-])(\d{1,2})\2(\d{1,4})`;
const CLOCK = String.raw`([ T])(\d\d):([0-5]\d)(?::([0-5]\d)(?:\.(\d{1,6}))?)?(Z|[+-](?:0\d|1[0-5])(?::?[0-5]\d)?)?`;
const MOMENT = new RegExp(`^${DAY}(?:${CLOCK})?$`);
const HOURS_MINUTES = /^(?:[01]\d|2[0-3]):[0-5]\d$/;
const HOURS_MINUTES_SECONDS = /^(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d$/;

/** PostgreSQL writes `HH24:MI:SS` itself, which no canonical type of inspect covers. */
function timeForms(text: string): FormName[] {
  if (HOURS_MINUTES.test(text)) return ['HH24:MI'];
  if (HOURS_MINUTES_SECONDS.test(text)) return ['HH24:MI:SS'];
  const match = MOMENT.exec(text);
  if (!match) return [];
  const days = dayForms(match);
  if (match[5] === undefined || days.length === 0) return days;
  if (Number(match[6]) > 23) return [];
  const separator = match[5] === 'T' ? '"T"' : ' ';
  const zone = match[10] === undefined ? '' : `"${match[10]}"`;
  return days.flatMap((day) => clockForms(match).map((clock) => day + separator + clock + zone));
}

function clockForms([, , , , , , , , seconds, fraction]: RegExpExecArray): FormName[] {
  if (seconds === undefined) return ['HH24:MI'];
  if (fraction === undefined) return ['HH24:MI:SS', 'HH24:MI:SS.F'];
  const fixed = `HH24:MI:SS.F${fraction.length}`;
  return fraction.endsWith('0') ? [fixed] : [fixed, 'HH24:MI:SS.F'];
}

function dayForms([, a = '', sign = '', b = '', c = '']: RegExpExecArray): FormName[] {
  if (a.length === 4) return c.length <= 2 ? orderForms({ year: a, month: b, day: c }, sign, 'ymd') : [];
  if (c.length !== 4 || a.length > 2) return [];
  return [
    ...orderForms({ year: c, month: b, day: a }, sign, 'dmy'),
    ...orderForms({ year: c, month: a, day: b }, sign, 'mdy'),
  ];
}

interface Day {
  year: string;
  month: string;
  day: string;
}

function orderForms({ year, month, day }: Day, sign: string, order: 'ymd' | 'dmy' | 'mdy'): FormName[] {
  const bytes = Buffer.from(`${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')}`, 'latin1');
  if (typeOfValue(bytes, 0, 10) === TEXT) return [];
  const isPadded = month.length === 2 && day.length === 2;
  const isBare = !month.startsWith('0') && !day.startsWith('0');
  const names = { y: 'YYYY', m: 'MM', d: 'DD' };
  const bare = { y: 'YYYY', m: 'FMMM', d: 'FMDD' };
  const write = (of: typeof names) => [...order].map((part) => of[part as 'y' | 'm' | 'd']).join(sign);
  return [...(isPadded ? [write(names)] : []), ...(isBare ? [write(bare)] : [])];
}

/** Returns the type of the columns that have this form. */
export function typeOfForm(form: FormName): FormedType {
  if (form === 'json') return 'json';
  if (form === 'UPPER') return 'uuid';
  if (BOOLEANS.includes(form)) return 'boolean';
  if (NUMBER_FORMS.has(form)) return 'numeric';
  if (form.startsWith('HH24')) return 'time';
  if (!form.includes('HH24')) return 'date';
  return /"(?:Z|[+-][\d:]+)"$/.test(form) ? 'timestamptz' : 'timestamp';
}

/** Returns the meaning of a form: two forms with the same meaning read every value alike. */
function meaningOf(form: FormName): string {
  const type = typeOfForm(form);
  if (type === 'numeric') return `${type} ${NUMBER_FORMS.get(form)!.decimal}`;
  return `${type} ${orderOf(form)}`;
}

/** Returns the order of day and month in a form; ymd where it has no day. */
export function orderOf(form: FormName): 'ymd' | 'dmy' | 'mdy' {
  const day = form.indexOf('DD');
  const month = form.indexOf('MM');
  if (form.startsWith('YYYY') || day < 0) return 'ymd';
  return day < month ? 'dmy' : 'mdy';
}

/** The form of a column, or the readings between which the values do not decide; neither for text. */
export interface ChosenForm {
  form?: FormName;
  readings?: FormName[];
}

/** Chooses among the forms that all values of a column share; none when two of them read a value differently. */
export function chooseForm(forms: readonly FormName[], { dateOrder, decimalComma }: FormHints = {}): ChosenForm {
  const fitting = forms.filter((form) => {
    const number = NUMBER_FORMS.get(form);
    if (number) return decimalComma === undefined || (number.decimal === ',') === decimalComma;
    const order = orderOf(form);
    return dateOrder === undefined || dateOrder === 'ymd' || order === 'ymd' || order === dateOrder;
  });
  const byMeaning = new Map(fitting.map((form) => [meaningOf(form), form]).reverse() as [string, FormName][]);
  if (byMeaning.size === 1) return { form: fitting[0]! };
  return byMeaning.size === 0 ? {} : { readings: [...byMeaning.values()].reverse() };
}

/**
 * Returns what PostgreSQL reads as the value, never longer than the value; null for one that is not of the form.
 * DateStyle is ISO.
 */
export function readForm(form: FormName, text: string): string | null {
  if (NUMBER_FORMS.has(form)) return plainNumber(form, text);
  if (!formsOfValue(text, TEXT).includes(form)) return null;
  return typeOfForm(form) === 'time' ? text : asIso(text, orderOf(form));
}

/** Returns a number with a decimal comma as PostgreSQL writes it; null for another one. */
export function readComma(text: string): string | null {
  for (const form of COMMAS) {
    const plain = plainNumber(form, text);
    if (plain !== null) return plain;
  }
  return null;
}

const COMMAS = NUMBER_NAMES.filter((form) => NUMBER_FORMS.get(form)!.decimal === ',');

/** Returns a date, or the date of a timestamp, in the order year, month, day; null for one of another order. */
export function readDay(text: string, order: 'dmy' | 'mdy'): string | null {
  return /^\d{1,2}([./-])\d{1,2}\1\d{4}(?:[ T]|$)/.test(text) ? asIso(text, order) : null;
}

/** PostgreSQL guesses at other signs than hyphens, and at other orders than year, month, day. */
function asIso(text: string, order: 'ymd' | 'dmy' | 'mdy'): string {
  return text.replace(/^(\d+)[./-](\d+)[./-](\d+)/, (_, a: string, b: string, c: string) => {
    if (order === 'ymd') return `${a}-${b}-${c}`;
    return order === 'dmy' ? `${c}-${b}-${a}` : `${c}-${a}-${b}`;
  });
}
