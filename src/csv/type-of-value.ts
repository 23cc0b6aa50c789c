import { BIGINT, DATE, INTEGER, MAX_DIGITS, NUMERIC, TEXT, TIMESTAMP, UUID } from './type-codes.js';
import type { TypeCode } from './value-type.js';

const SPACE = 32;
const MINUS = 45;
const POINT = 46;
const ZERO = 48;
const COLON = 58;
const LOWER_A = 97;

/**
 * Returns the narrowest type whose PostgreSQL output is exactly these bytes: `007`, `+1`, `1e5`, `-0.0`, ` 1` are text.
 * Dates and timestamps as in DateStyle ISO, https://www.postgresql.org/docs/current/datatype-datetime.html.
 */
export function typeOfValue(bytes: Uint8Array, start: number, end: number): TypeCode {
  const length = end - start;
  if (length === 0 || length > MAX_DIGITS + 2) return TEXT;
  if (length >= 10 && bytes[start + 4] === MINUS && bytes[start + 7] === MINUS) return dateType(bytes, start, end);
  if (length === 36 && bytes[start + 8] === MINUS) return isUuid(bytes, start) ? UUID : TEXT;
  return numberType(bytes, start, end);
}

function dateType(bytes: Uint8Array, start: number, end: number): TypeCode {
  if (!isDate(bytes, start)) return TEXT;
  if (end - start === 10) return DATE;
  return isTimeOfDay(bytes, start + 10, end) ? TIMESTAMP : TEXT;
}

/** Years 0001 to 9999: PostgreSQL writes year 0 and those after 9999 otherwise. The dashes are there. */
function isDate(bytes: Uint8Array, at: number): boolean {
  const year = twoDigits(bytes, at) * 100 + twoDigits(bytes, at + 2);
  const month = twoDigits(bytes, at + 5);
  const day = twoDigits(bytes, at + 8);
  // NaN fails each of these.
  if (!(year >= 1 && month >= 1 && month <= 12 && day >= 1)) return false;
  if (day <= 28) return true;
  if (month === 2) return day === 29 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return day <= (month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31);
}

/** ` HH:MM:SS`, then nothing or a fraction of 1 to 6 digits that does not end in 0. */
function isTimeOfDay(bytes: Uint8Array, at: number, end: number): boolean {
  const length = end - at;
  if (length < 9 || bytes[at] !== SPACE || bytes[at + 3] !== COLON || bytes[at + 6] !== COLON) return false;
  const isClock = twoDigits(bytes, at + 1) <= 23 && twoDigits(bytes, at + 4) <= 59 && twoDigits(bytes, at + 7) <= 59;
  if (!isClock || length === 9) return isClock;
  if (length < 11 || length > 16 || bytes[at + 9] !== POINT || bytes[end - 1] === ZERO) return false;
  return digitsEnd(bytes, at + 10, end) === end;
}

/** NaN where they are no digits. */
function twoDigits(bytes: Uint8Array, at: number): number {
  return isDigit(bytes[at]) && isDigit(bytes[at + 1]) ? (bytes[at] - ZERO) * 10 + bytes[at + 1] - ZERO : Number.NaN;
}

function isUuid(bytes: Uint8Array, at: number): boolean {
  for (let k = 0; k < 36; k++) {
    const byte = bytes[at + k];
    if (k === 8 || k === 13 || k === 18 || k === 23) {
      if (byte !== MINUS) return false;
    } else if (!isDigit(byte) && (byte < LOWER_A || byte > LOWER_A + 5)) return false;
  }
  return true;
}

function numberType(bytes: Uint8Array, start: number, end: number): TypeCode {
  const isNegative = bytes[start] === MINUS;
  const from = isNegative ? start + 1 : start;
  const point = digitsEnd(bytes, from, end);
  const digits = point - from;
  if (digits === 0 || digits > MAX_DIGITS || (bytes[from] === ZERO && digits > 1)) return TEXT;
  // There is no negative zero: -0 and -0.00 would come back without the sign.
  if (isNegative && isZero(bytes, from, end)) return TEXT;
  if (point === end) return integerType(bytes, from, digits, isNegative);
  const scale = end - point - 1;
  const isNumeric = bytes[point] === POINT && scale > 0 && digits + scale <= MAX_DIGITS;
  return isNumeric && digitsEnd(bytes, point + 1, end) === end ? NUMERIC : TEXT;
}

/** The greatest values of each type, then the digits of their smallest. */
const LIMITS = ['2147483647', '2147483648', '9223372036854775807', '9223372036854775808'].map((text) =>
  Buffer.from(text),
);

function integerType(bytes: Uint8Array, from: number, digits: number, isNegative: boolean): TypeCode {
  const sign = isNegative ? 1 : 0;
  if (isAtMost(bytes, from, digits, LIMITS[sign])) return INTEGER;
  return isAtMost(bytes, from, digits, LIMITS[2 + sign]) ? BIGINT : NUMERIC;
}

/** Compares digits without a leading zero. */
function isAtMost(bytes: Uint8Array, from: number, digits: number, limit: Uint8Array): boolean {
  if (digits !== limit.length) return digits < limit.length;
  for (let k = 0; k < digits; k++) if (bytes[from + k] !== limit[k]) return bytes[from + k] < limit[k];
  return true;
}

function isZero(bytes: Uint8Array, from: number, end: number): boolean {
  for (let i = from; i < end; i++) if (bytes[i] !== ZERO && bytes[i] !== POINT) return false;
  return true;
}

/** Returns the index after the digits that begin at `from`. */
function digitsEnd(bytes: Uint8Array, from: number, end: number): number {
  let i = from;
  while (i < end && isDigit(bytes[i])) i++;
  return i;
}

/** Whether a byte is an ASCII digit. */
export function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= ZERO + 9;
}
