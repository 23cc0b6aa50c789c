import {
  BIGINT,
  DATE,
  INTEGER,
  LEAVES,
  LEFT_BYTES,
  LEFT_ROOM,
  MAX_DIGITS,
  MAX_LEFT,
  NUMERIC,
  SMALL,
  TEXT,
  TIMESTAMP,
  UUID,
} from '../csv/type-codes';
import { areDigits, byteAt, COLON, MINUS, POINT, SPACE, STEP, ZERO } from './bytes.as';
import { left, leftLengths, leftSizes } from './memory.as';

/**
 * Whether a column of `type` can take the value as it is, without becoming another one.
 * @param flagged a type code, with SMALL where every value must be small
 * @param head the value's first 16 bytes, with what follows it
 */
export function confirms(flagged: i32, p: usize, length: u32, head: v128): bool {
  if (flagged === TEXT) return true;
  if (flagged === (TEXT | LEAVES)) return !isLeft(p, length);
  if ((flagged & SMALL) !== 0 && !isSmall(p, length)) return false;
  const type = flagged & ~SMALL;
  if (type <= NUMERIC && length <= 16 && isPlainNumber(type, p, length, head)) return true;
  const found = typeOf(p, length);
  return found === type || (type <= NUMERIC && found < type);
}

/** Whether the value is one of those whose records are left. */
function isLeft(p: usize, length: u32): bool {
  if (i32(length) > LEFT_BYTES || ((load<u64>(leftLengths) >> length) & 1) === 0) return false;
  for (let k = 0; k < MAX_LEFT; k++)
    if (u32(load<u8>(leftSizes + usize(k))) === length && isSame(p, left + usize(k * LEFT_ROOM), length)) return true;
  return false;
}

/** Looks at up to 15 bytes after either value. */
function isSame(p: usize, q: usize, length: u32): bool {
  for (let at: u32 = 0; at < length; at += u32(STEP)) {
    const equal: u32 = i8x16.bitmask(i8x16.eq(v128.load(p + at), v128.load(q + at)));
    const wanted: u32 = length - at < u32(STEP) ? (1 << (length - at)) - 1 : 0xffff;
    if ((equal & wanted) !== wanted) return false;
  }
  return true;
}

/** Whether at most three digits come before the point of a number. */
function isSmall(p: usize, length: u32): bool {
  const most: u32 = byteAt(p) === MINUS ? 4 : 3;
  if (length <= most) return true;
  for (let k: u32 = 1; k <= most; k++) if (byteAt(p + k) === POINT) return true;
  return false;
}

/** Recognises the most frequent numbers, of at most 16 bytes, by their digits alone: true is certain, false is not. */
function isPlainNumber(type: i32, p: usize, length: u32, head: v128): bool {
  const negative = u32(byteAt(p) === MINUS);
  const all: u32 = ((1 << length) - 1) & ~negative;
  const others = all & ~i8x16.bitmask(areDigits(head));
  const hasLeadingZero = byteAt(p + negative) === ZERO;
  if (others === 0) {
    if (hasLeadingZero) return length === 1;
    const digits = length - negative;
    return digits > 0 && (digits < 10 || type !== INTEGER);
  }
  if (type !== NUMERIC || hasLeadingZero || (others & (others - 1)) !== 0) return false;
  const point: u32 = ctz(others);
  return byteAt(p + point) === POINT && point > negative && point < length - 1;
}

/**
 * The narrowest type whose PostgreSQL output is exactly these bytes: `007`, `+1`, `1e5`, `-0.0`, ` 1` are text.
 * Dates and timestamps as in DateStyle ISO, https://www.postgresql.org/docs/current/datatype-datetime.html.
 */
function typeOf(p: usize, length: u32): i32 {
  if (length === 0) return TEXT;
  if (length >= 10 && byteAt(p + 4) === MINUS && byteAt(p + 7) === MINUS) {
    if (!isDate(p)) return TEXT;
    if (length === 10) return DATE;
    return isTimeOfDay(p + 10, p + length) ? TIMESTAMP : TEXT;
  }
  if (length === 36 && byteAt(p + 8) === MINUS) return isUuid(p) ? UUID : TEXT;
  return numberType(p, length);
}

function isDigit(byte: u32): bool {
  return byte - ZERO < 10;
}

function numberType(p: usize, length: u32): i32 {
  const negative = byteAt(p) === MINUS;
  const from = p + usize(negative);
  const end = p + length;
  let i = from;
  let nonZero: u32 = 0;
  while (i < end && isDigit(byteAt(i))) nonZero |= byteAt(i++) - ZERO;
  const digits = u32(i - from);
  if (digits === 0 || i32(digits) > MAX_DIGITS || (byteAt(from) === ZERO && digits > 1)) return TEXT;
  if (i === end) {
    if (nonZero === 0) return negative ? TEXT : INTEGER;
    return integerType(from, digits, negative);
  }
  if (byteAt(i) !== POINT) return TEXT;
  const point = i++;
  while (i < end && isDigit(byteAt(i))) nonZero |= byteAt(i++) - ZERO;
  const scale = u32(i - point - 1);
  if (i < end || scale === 0 || i32(digits + scale) > MAX_DIGITS) return TEXT;
  // numeric has no negative zero: -0.00 would come back as 0.00.
  return negative && nonZero === 0 ? TEXT : NUMERIC;
}

function integerType(from: usize, digits: u32, negative: bool): i32 {
  if (digits < 10) return INTEGER;
  if (digits > 19) return NUMERIC;
  let value: u64 = 0;
  for (let k: u32 = 0; k < digits; k++) value = value * 10 + (byteAt(from + k) - ZERO);
  const more = u64(negative);
  if (value <= u64(i32.MAX_VALUE) + more) return INTEGER;
  return value <= u64(i64.MAX_VALUE) + more ? BIGINT : NUMERIC;
}

/** 100 and more when they are no digits. */
function twoDigits(p: usize): u32 {
  const tens = byteAt(p) - ZERO;
  const ones = byteAt(p + 1) - ZERO;
  return tens < 10 && ones < 10 ? tens * 10 + ones : 100;
}

/** The dashes have been seen. Years 0001 to 9999: year 0 and beyond 9999 are written otherwise. */
function isDate(p: usize): bool {
  const century = twoDigits(p);
  const yearOfCentury = twoDigits(p + 2);
  const month = twoDigits(p + 5);
  const day = twoDigits(p + 8);
  if (century > 99 || yearOfCentury > 99 || month < 1 || month > 12 || day < 1) return false;
  const year = century * 100 + yearOfCentury;
  if (year === 0) return false;
  if (day <= 28) return true;
  if (month === 2) return day === 29 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return day <= u32(month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31);
}

/** ` HH:MM:SS`, then nothing or a fraction of 1 to 6 digits that does not end in 0. */
function isTimeOfDay(p: usize, end: usize): bool {
  const length = u32(end - p);
  if (length < 9 || byteAt(p) !== SPACE || byteAt(p + 3) !== COLON || byteAt(p + 6) !== COLON) return false;
  if (twoDigits(p + 1) > 23 || twoDigits(p + 4) > 59 || twoDigits(p + 7) > 59) return false;
  if (length === 9) return true;
  if (length < 11 || length > 16 || byteAt(p + 9) !== POINT || byteAt(end - 1) === ZERO) return false;
  for (let i = p + 10; i < end; i++) if (!isDigit(byteAt(i))) return false;
  return true;
}

const LOWER_A: u32 = 97;

function isUuid(p: usize): bool {
  for (let k: usize = 0; k < 36; k++) {
    const byte = byteAt(p + k);
    if (k === 8 || k === 13 || k === 18 || k === 23) {
      if (byte !== MINUS) return false;
    } else if (!isDigit(byte) && byte - LOWER_A > 5) return false;
  }
  return true;
}
