import { areControls, areEqual, BACKSLASH, byteAt, CR, LF, NINE, NUL, QUOTE, STEP, TAB, ZERO } from './bytes.as';
import { DIGITS_END, digits, setCut } from './memory.as';

const LETTER_N: u32 = 78;
const LOWER_N: u32 = 110;
const LOWER_R: u32 = 114;
const LOWER_T: u32 = 116;

/** NULL, and a tab with NULL, as bytes in memory. */
const NULL: u32 = BACKSLASH | (LETTER_N << 8);
const NULL_FIELD: u32 = TAB | (NULL << 8);

/** Results of the last call: records written, the end of what they fill, and whether the next one does not fit. */
export let encodedRows: u32 = 0;
export let written: usize = 0;
export let isFull: bool = false;

/** Digits of the number of the next row. */
let width: u32 = 0;

/** Where input and output stand within the record at hand. */
let at: usize = 0;
let to: usize = 0;

/**
 * Writes records in COPY's text format, each with its row number in front, and stops before the first one that is not
 * well formed, does not fit, or is one too many.
 * @param end after the last byte, which is an eol: something follows every quote and every unquoted field
 * @param stop stop at the first record end that reaches it
 * @param outEnd after the last byte that counts as written; the kernel may overwrite the bytes after it
 * @param firstRow from 1
 * @returns the start of the first record left
 */
export function encode(
  from: usize,
  end: usize,
  stop: usize,
  out: usize,
  outEnd: usize,
  columns: u32,
  delimiter: u32,
  eol: u32,
  firstRow: f64,
  mostRows: u32,
): usize {
  let start = from;
  let rows: u32 = 0;
  to = out;
  written = out;
  isFull = false;
  setCut(false);
  setDigits(u64(firstRow));
  while (start < end && start < stop && rows < mostRows) {
    at = start;
    const isBlank = columns > 1 && (byteAt(at) === eol || (byteAt(at) === CR && byteAt(at + 1) === LF));
    if (isBlank) {
      start += byteAt(at) === eol ? 1 : 2;
      continue;
    }
    const first = digits + DIGITS_END - width;
    v128.store(to, v128.load(first));
    v128.store(to + STEP, v128.load(first + STEP));
    to += width;
    if (!encodeFields(end, outEnd, columns, delimiter, eol)) break;
    store<u8>(to++, u8(LF));
    if (to > outEnd) {
      isFull = true;
      break;
    }
    start = at;
    written = to;
    rows++;
    countUp();
  }
  encodedRows = rows;
  return start;
}

/** Writes a tab and a field for each column; returns false where it leaves the record. */
function encodeFields(end: usize, outEnd: usize, columns: u32, delimiter: u32, eol: u32): bool {
  for (let c: u32 = 1; ; c++) {
    // One NULL after another, as in sparse files.
    for (; byteAt(at) === delimiter && c < columns && to <= outEnd; c++, at++) {
      store<u32>(to, NULL_FIELD);
      to += 3;
    }
    store<u8>(to++, u8(TAB));
    const isQuoted = byteAt(at) === QUOTE;
    if (isQuoted ? !quotedField(end, outEnd) : !plainField(outEnd, delimiter, eol)) return false;
    if (byteAt(at) === delimiter) {
      if (c === columns) return false;
      at++;
      continue;
    }
    if (c !== columns) return false;
    if (byteAt(at) !== eol && !(byteAt(at) === CR && eol === LF && byteAt(++at) === LF)) return false;
    at++;
    return true;
  }
}

function quotedField(end: usize, outEnd: usize): bool {
  let p = at + 1;
  let o = to;
  while (p < end) {
    if (o > outEnd) {
      isFull = true;
      return false;
    }
    const bytes = v128.load(p);
    v128.store(o, bytes);
    const special: u32 = i8x16.bitmask(
      v128.or(v128.or(areEqual(bytes, QUOTE), areEqual(bytes, BACKSLASH)), areControls(bytes)),
    );
    if (special === 0) {
      p += STEP;
      o += STEP;
      continue;
    }
    // At most up to the last byte, which is an eol.
    p += ctz(special);
    o += ctz(special);
    const byte = byteAt(p);
    if (byte === NUL) return false;
    if (byte === QUOTE) {
      if (byteAt(p + 1) !== QUOTE) {
        at = p + 1;
        to = o;
        return true;
      }
      p += 2;
      o++;
    } else {
      p++;
      o = escaped(byte, o);
    }
  }
  setCut(true);
  return false;
}

function plainField(outEnd: usize, delimiter: u32, eol: u32): bool {
  let p = at;
  let o = to;
  while (true) {
    if (o > outEnd) {
      isFull = true;
      return false;
    }
    const bytes = v128.load(p);
    v128.store(o, bytes);
    const special: u32 = i8x16.bitmask(
      v128.or(
        v128.or(areEqual(bytes, QUOTE), areEqual(bytes, BACKSLASH)),
        v128.or(areEqual(bytes, delimiter), areControls(bytes)),
      ),
    );
    if (special === 0) {
      p += STEP;
      o += STEP;
      continue;
    }
    p += ctz(special);
    o += ctz(special);
    const byte = byteAt(p);
    if (byte === delimiter || byte === eol || (byte === CR && byteAt(p + 1) === LF)) {
      if (p === at) {
        // The empty string is nothing at all.
        store<u16>(o, u16(NULL));
        o += 2;
      }
      at = p;
      to = o;
      return true;
    }
    if (byte === QUOTE || byte === NUL) return false;
    p++;
    o = escaped(byte, o);
  }
}

/** Writes a byte that is data: what COPY's text format gives a meaning gets a backslash. */
function escaped(byte: u32, o: usize): usize {
  const letter = letterOf(byte);
  if (letter === 0) {
    store<u8>(o, u8(byte));
    return o + 1;
  }
  store<u16>(o, u16(BACKSLASH | (letter << 8)));
  return o + 2;
}

function letterOf(byte: u32): u32 {
  if (byte === LF) return LOWER_N;
  if (byte === CR) return LOWER_R;
  if (byte === TAB) return LOWER_T;
  return byte === BACKSLASH ? BACKSLASH : 0;
}

/** A number kept as its digits: counting up and copying cost far less than formatting each number. */
function setDigits(row: u64): void {
  for (let k = 0; k < DIGITS_END; k++) store<u8>(digits + k, u8(ZERO));
  width = 0;
  for (let rest = row; rest > 0; rest /= 10) store<u8>(digits + DIGITS_END - 1 - width++, u8(u64(ZERO) + (rest % 10)));
}

function countUp(): void {
  let k = digits + DIGITS_END - 1;
  while (byteAt(k) === NINE) store<u8>(k--, u8(ZERO));
  store<u8>(k, u8(byteAt(k) + 1));
  if (k < digits + DIGITS_END - width) width++;
}
