/**
 * The types a column can get, as a small lattice: integer < bigint < numeric < text, and date, timestamp, uuid < text.
 * `none` is a column without a value so far.
 */
export const TYPES = ['none', 'integer', 'bigint', 'numeric', 'date', 'timestamp', 'uuid', 'text'] as const;
export type TypeCode = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7;

export const NONE = 0;
export const INTEGER = 1;
export const BIGINT = 2;
export const NUMERIC = 3;
export const DATE = 4;
export const TIMESTAMP = 5;
export const UUID = 6;
export const TEXT = 7;

/** numeric keeps every digit it is given; 100 is far below its limits and bounds the work per value. */
export const MAX_DIGITS = 100;

/** The narrowest type that holds both. */
export function joinTypes(a: TypeCode, b: TypeCode): TypeCode {
  if (a === b || b === NONE) return a;
  if (a === NONE) return b;
  if (a <= NUMERIC && b <= NUMERIC) return a > b ? a : b;
  return TEXT;
}

/**
 * The narrowest type whose PostgreSQL output is exactly these bytes (never NONE): `007`, `+1`, `1e5`, `-0.0`, ` 1` are text.
 * Dates and timestamps as in DateStyle ISO, https://www.postgresql.org/docs/current/datatype-datetime.html.
 */
export function typeOfValue(bytes: Uint8Array, start: number, end: number): TypeCode {
  const length = end - start;
  if (length === 0) return TEXT;
  const first = bytes[start];
  if (length >= 10 && bytes[start + 4] === 45 && bytes[start + 7] === 45) {
    if (length === 10) return isDate(bytes, start) ? DATE : TEXT;
    return isDate(bytes, start) && isTimeOfDay(bytes, start + 10, end) ? TIMESTAMP : TEXT;
  }
  if (length === 36 && bytes[start + 8] === 45) return isUuid(bytes, start) ? UUID : TEXT;
  if (first === 45 || isDigit(first)) return numberType(bytes, start, end);
  return TEXT;
}

function isDigit(byte: number): boolean {
  return byte >= 48 && byte <= 57;
}

function numberType(bytes: Uint8Array, start: number, end: number): TypeCode {
  const negative = bytes[start] === 45;
  const from = negative ? start + 1 : start;
  let i = from;
  let nonZero = 0;
  while (i < end && isDigit(bytes[i])) nonZero |= bytes[i++] - 48;
  const digits = i - from;
  if (digits === 0 || digits > MAX_DIGITS || (bytes[from] === 48 && digits > 1)) return TEXT;
  if (i === end) {
    if (nonZero === 0) return negative ? TEXT : INTEGER;
    return integerType(bytes, from, digits, negative);
  }
  if (bytes[i] !== 46) return TEXT;
  const point = i++;
  while (i < end && isDigit(bytes[i])) nonZero |= bytes[i++] - 48;
  const scale = i - point - 1;
  if (i < end || scale === 0 || digits + scale > MAX_DIGITS) return TEXT;
  // numeric has no negative zero: -0.00 would come back as 0.00.
  return negative && nonZero === 0 ? TEXT : NUMERIC;
}

function integerType(bytes: Uint8Array, from: number, digits: number, negative: boolean): TypeCode {
  if (digits < 10) return INTEGER;
  if (digits === 10 && atMost(bytes, from, negative ? '2147483648' : '2147483647')) return INTEGER;
  if (digits < 19) return BIGINT;
  if (digits === 19 && atMost(bytes, from, negative ? '9223372036854775808' : '9223372036854775807')) return BIGINT;
  return NUMERIC;
}

/** Compares digits of the same count as text. */
function atMost(bytes: Uint8Array, from: number, limit: string): boolean {
  for (let k = 0; k < limit.length; k++) {
    const difference = bytes[from + k] - limit.charCodeAt(k);
    if (difference !== 0) return difference < 0;
  }
  return true;
}

function twoDigits(bytes: Uint8Array, at: number): number {
  const tens = bytes[at] - 48;
  const ones = bytes[at + 1] - 48;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : -1;
}

/** The dashes have been seen. Years 0001 to 9999: year 0 and beyond 9999 are written otherwise. */
function isDate(bytes: Uint8Array, at: number): boolean {
  const century = twoDigits(bytes, at);
  const yearOfCentury = twoDigits(bytes, at + 2);
  const month = twoDigits(bytes, at + 5);
  const day = twoDigits(bytes, at + 8);
  if (century < 0 || yearOfCentury < 0 || month < 1 || month > 12 || day < 1) return false;
  const year = century * 100 + yearOfCentury;
  if (year === 0) return false;
  if (day <= 28) return true;
  if (month === 2) return day === 29 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return day <= (month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31);
}

/** ` HH:MM:SS`, then nothing or a fraction of 1 to 6 digits that does not end in 0. */
function isTimeOfDay(bytes: Uint8Array, at: number, end: number): boolean {
  const length = end - at;
  if (length < 9 || bytes[at] !== 32 || bytes[at + 3] !== 58 || bytes[at + 6] !== 58) return false;
  if (!within(twoDigits(bytes, at + 1), 23) || !within(twoDigits(bytes, at + 4), 59)) return false;
  if (!within(twoDigits(bytes, at + 7), 59)) return false;
  if (length === 9) return true;
  if (length < 11 || length > 16 || bytes[at + 9] !== 46 || bytes[end - 1] === 48) return false;
  for (let i = at + 10; i < end; i++) if (!isDigit(bytes[i])) return false;
  return true;
}

function within(value: number, max: number): boolean {
  return value >= 0 && value <= max;
}

function isUuid(bytes: Uint8Array, at: number): boolean {
  for (let k = 0; k < 36; k++) {
    const byte = bytes[at + k];
    if (k === 8 || k === 13 || k === 18 || k === 23) {
      if (byte !== 45) return false;
    } else if (!isDigit(byte) && (byte < 97 || byte > 102)) return false;
  }
  return true;
}
