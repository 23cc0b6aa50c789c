import { givenType } from './given-types.js';
import { type FormHints, type FormName, readComma, readDay, readForm } from './value-form.js';

/** Returns the text that PostgreSQL reads as the value, never longer than the value; null for one that is refused. */
export type ReadValue = (text: string) => string | null;

const DAYS = ['date', 'timestamp', 'timestamptz'];
const NUMBERS = ['smallint', 'integer', 'bigint', 'numeric', 'real', 'double precision'];

/** Reads the values of a column by the form that all of them have. */
export function readerOfForm(form: FormName): ReadValue {
  return (text) => readForm(form, text);
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

/** The check wants two digits of month and day, which PostgreSQL does not. */
function padded(iso: string): string {
  return iso.replace(/-(?=\d(?:\D|$))/g, '-0');
}
