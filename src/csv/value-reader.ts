import { matcherOf } from './form-matcher.js';
import { givenType } from './given-types.js';
import { INTEGER, TEXT } from './type-codes.js';
import { isDigit, typeOfValue } from './type-of-value.js';
import { type FormHints, type FormName, orderOf, readComma, readDay, readForm, typeOfForm } from './value-form.js';
import { joinTypes, TYPES, type TypeCode } from './value-type.js';

/** Returns the text that PostgreSQL reads as the value, never longer than the value; null for one that is refused. */
export type ReadValue = (text: string) => string | null;

const DAYS = ['date', 'timestamp', 'timestamptz'];
const NUMBERS = ['smallint', 'integer', 'bigint', 'numeric', 'real', 'double precision'];

/** Rewrites a value in its place, or returns false to leave it to `ReadValue`. */
export type Rewrite = (bytes: Buffer, start: number, end: number) => boolean;

export interface ValueReader {
  read: ReadValue;
  rewrite?: Rewrite;
}

/** Reads the values of a column by their common form; undefined when PostgreSQL reads them unchanged. */
export function readerOfForm(form: FormName): ValueReader | undefined {
  const read = (text: string) => readForm(form, text);
  if (form === '1,5') return { read, rewrite: withPoint };
  if (typeOfForm(form) === 'numeric') return { read };
  if (!form.includes('YYYY') || form.startsWith('YYYY-')) return undefined;
  if (form.startsWith('YYYY')) return { read };
  const matches = matcherOf(form);
  const isDayFirst = orderOf(form) === 'dmy';
  const rewrite: Rewrite = (bytes, start, end) => {
    if (!matches(bytes, start, end)) return false;
    yearFirst(bytes, start, isDayFirst);
    return true;
  };
  return { read, rewrite };
}

function withPoint(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] === COMMA) bytes[at] = POINT;
  return true;
}

const COMMA = 44;
const POINT = 46;
const HYPHEN = 45;

/** Writes `31.1.2024` or `1/31/2024` as `2024-1-31`. */
function yearFirst(bytes: Buffer, start: number, isDayFirst: boolean): void {
  const sign = (from: number) => (isDigit(bytes[from + 1]!) ? from + 2 : from + 1);
  const first = sign(start);
  const second = sign(first + 1);
  const [a, b] = [bytes.toString('latin1', start, first), bytes.toString('latin1', first + 1, second)];
  bytes.copyWithin(start, second + 1, second + 5);
  bytes[start + 4] = HYPHEN;
  bytes.write(isDayFirst ? `${b}-${a}` : `${a}-${b}`, start + 5, 'latin1');
}

/** Reads the values of a column whose type was given, by what the caller says of days and numbers. */
export function readerOfType(name: string, { dateOrder = 'ymd', decimalComma = false }: FormHints): ReadValue {
  const { accepts } = givenType(name)!;
  const checked = (text: string | null) => (text !== null && accepts(text) ? text : null);
  if (decimalComma && NUMBERS.includes(name)) return (text) => checked(readComma(text));
  if (dateOrder === 'ymd' || !DAYS.includes(name)) return checked;
  return (text) => {
    const iso = readDay(text, dateOrder);
    if (iso === null) return checked(text);
    return accepts(padded(iso)) ? iso : null;
  };
}

/**
 * Reads the values of a column whose type was found: those that come back as they are. Undefined for text, where all
 * values do.
 */
export function readerOfFound(name: string): ReadValue | undefined {
  const code = TYPES.indexOf(name as (typeof TYPES)[number]) as TypeCode;
  if (code < INTEGER || code === TEXT) return undefined;
  return (text) => {
    const bytes = Buffer.from(text);
    return joinTypes(code, typeOfValue(bytes, 0, bytes.length)) === code ? text : null;
  };
}

/** The check wants two digits of month and day, which PostgreSQL does not. */
function padded(iso: string): string {
  return iso.replace(/-(?=\d(?:\D|$))/g, '-0');
}
