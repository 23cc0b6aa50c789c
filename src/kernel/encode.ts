import { BACKSLASH, byteAt, CONTROLS, CR, LF, NUL, QUOTE, STEP, TAB, ZERO } from './bytes';
import { digits } from './memory';

/** Results of the last call: records written, the end of what they fill, and whether the next one does not fit. */
export let encodedRows: u32 = 0;
export let written: usize = 0;
export let isFull: bool = false;
/** The bytes end within a quoted value. */
export let isEncodeCut: bool = false;

/** Digits of the number of the next row. */
let width: u32 = 0;

/** Where input and output stand within the record at hand. */
let at: usize = 0;
let to: usize = 0;

/**
 * Writes records in COPY's text format, each with its row number in front, and stops before the first one that is not well
 * formed, does not fit, or is one too many.
 * @param end behind the last byte, which is an eol: something follows every quote and every unquoted field
 * @param stop stop at the first record end that reaches it
 * @param outEnd behind the last byte that counts as written; up to 48 more are written over
 * @returns the start of the first record not taken
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
  isEncodeCut = false;
  setDigits(u64(firstRow));
  while (start < end && start < stop && rows < mostRows) {
    at = start;
    const isBlank = columns > 1 && (byteAt(at) === eol || (byteAt(at) === CR && byteAt(at + 1) === LF));
    if (isBlank) {
      start += byteAt(at) === eol ? 1 : 2;
      continue;
    }
    v128.store(to, v128.load(digits + 24 - width));
    v128.store(to + STEP, v128.load(digits + 40 - width));
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

/** Writes a tab and a field for each column; false where the record is not to be taken. */
function encodeFields(end: usize, outEnd: usize, columns: u32, delimiter: u32, eol: u32): bool {
  for (let c: u32 = 1; ; c++) {
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
  const quotes = i8x16.splat(34);
  const backslashes = i8x16.splat(92);
  const controls = i8x16.splat(CONTROLS);
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
      v128.or(v128.or(i8x16.eq(bytes, quotes), i8x16.eq(bytes, backslashes)), i8x16.lt_u(bytes, controls)),
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
  isEncodeCut = true;
  return false;
}

function plainField(outEnd: usize, delimiter: u32, eol: u32): bool {
  const quotes = i8x16.splat(34);
  const backslashes = i8x16.splat(92);
  const controls = i8x16.splat(CONTROLS);
  const delimiters = i8x16.splat(i8(delimiter));
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
        v128.or(i8x16.eq(bytes, quotes), i8x16.eq(bytes, backslashes)),
        v128.or(i8x16.eq(bytes, delimiters), i8x16.lt_u(bytes, controls)),
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
        // NULL, "\N"; the empty string is nothing at all.
        store<u16>(o, 0x4e5c);
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
  const letter: u32 = byte === LF ? 110 : byte === CR ? 114 : byte === TAB ? 116 : byte === BACKSLASH ? BACKSLASH : 0;
  if (letter === 0) {
    store<u8>(o, u8(byte));
    return o + 1;
  }
  store<u16>(o, u16(BACKSLASH | (letter << 8)));
  return o + 2;
}

/** A number kept as its digits: counting up and copying cost far less than formatting each number. */
function setDigits(row: u64): void {
  for (let k: usize = 0; k < 24; k++) store<u8>(digits + k, u8(ZERO));
  width = 0;
  for (let rest = row; rest > 0; rest /= 10) store<u8>(digits + 23 - width++, u8(u64(ZERO) + (rest % 10)));
}

function countUp(): void {
  let k = digits + 23;
  while (byteAt(k) === 57) store<u8>(k--, u8(ZERO));
  store<u8>(k, u8(byteAt(k) + 1));
  if (k < digits + 24 - width) width++;
}
