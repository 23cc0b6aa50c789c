import { NONE, WATCHED } from '../csv/type-codes';
import { areControls, areEqual, byteAt, CR, LF, NUL, QUOTE, STEP } from './bytes.as';
import { IS_QUOTED, nullColumns, nulls, SPAN, setCut, spans, spansEnd, types } from './memory.as';
import { confirms } from './value.as';

/** Results of the last call. */
export let scannedRows: u32 = 0;
export let isStopped: bool = false;
/** The end of the spans of the records that it ran over. */
export let spanned: usize = 0;

/** And of those of the record at hand. */
let nextSpan: usize = 0;

/** Columns that are NULL in the record at hand: counted when it is known to be well formed. Or it is a blank line. */
let nullCount: u32 = 0;
let isBlank: bool = false;

/** Where the field at hand ends. */
let fieldEnd: usize = 0;

/**
 * Runs over records that are well formed and confirm what their columns are known to be, and stops before the first one
 * that is not, and before its room for the values of watched columns is full. It changes no evidence but the count of
 * NULLs.
 * @param columns 1 to MAX_COLUMNS, with their types in place
 * @param end after the last byte, which is an eol: something follows every quote and every unquoted field
 * @param stop stop at the first record end that reaches it
 * @param longest record that it accepts, in bytes with its terminator
 * @returns the start of the first record left
 */
export function scan(
  from: usize,
  end: usize,
  stop: usize,
  columns: u32,
  delimiter: u32,
  eol: u32,
  longest: u32,
): usize {
  let start = from;
  let rows: u32 = 0;
  isStopped = false;
  spanned = spans;
  setCut(false);
  while (start < end && !isStopped && spanned + SPAN * columns <= spansEnd) {
    nextSpan = spanned;
    const next = recordEnd(start, end, columns, delimiter, eol);
    if (next === 0 || next - start > longest) break;
    start = next;
    spanned = nextSpan;
    if (isBlank) continue;
    rows++;
    for (let k: u32 = 0; k < nullCount; k++) {
      const count = nulls + (usize(load<u16>(nullColumns + (k << 1))) << 2);
      store<u32>(count, load<u32>(count) + 1);
    }
    isStopped = start >= stop;
  }
  scannedRows = rows;
  return start;
}

/** Returns where the next record begins; 0 to leave this one. */
function recordEnd(start: usize, end: usize, columns: u32, delimiter: u32, eol: u32): usize {
  const last = columns - 1;
  let p = start;
  nullCount = 0;
  isBlank = false;
  for (let c: u32 = 0; ; c++, p++) {
    const flagged = i32(load<u8>(types + c));
    const type = flagged & ~WATCHED;
    if (byteAt(p) === QUOTE) {
      const value = ++p;
      if (type === NONE || !quotedField(value, end)) return 0;
      p = fieldEnd;
      if (!confirms(type, value, u32(p - value), v128.load(value))) return 0;
      if (flagged !== type) addSpan(c | IS_QUOTED, value, p);
      p++;
    } else {
      const value = p;
      if (!plainField(value, delimiter, eol)) return 0;
      p = fieldEnd;
      if (p === value) store<u16>(nullColumns + (nullCount++ << 1), u16(c));
      else {
        if (type === NONE || !confirms(type, value, u32(p - value), v128.load(value))) return 0;
        if (flagged !== type) addSpan(c, value, p);
      }
    }
    if (byteAt(p) === delimiter) {
      if (c === last) return 0;
      continue;
    }
    if (c !== last) {
      // Nothing before the line end, in a file of two or more columns.
      if (p !== start) return 0;
      isBlank = true;
    }
    if (byteAt(p) === eol) return p + 1;
    return byteAt(p) === CR && eol === LF && byteAt(p + 1) === LF ? p + 2 : 0;
  }
}

function addSpan(column: u32, value: usize, end: usize): void {
  store<u32>(nextSpan, column);
  store<u32>(nextSpan + 4, u32(value));
  store<u32>(nextSpan + 8, u32(end));
  nextSpan += SPAN;
}

/** Finds the closing quote; false for a value with a NUL, and for one that is not complete. */
function quotedField(from: usize, end: usize): bool {
  let p = from;
  while (p < end) {
    const bytes = v128.load(p);
    const special: u32 = i8x16.bitmask(v128.or(areEqual(bytes, QUOTE), areEqual(bytes, NUL)));
    if (special === 0) {
      p += STEP;
      continue;
    }
    p += ctz(special);
    if (p >= end) break;
    if (byteAt(p) === NUL) return false;
    if (byteAt(p + 1) !== QUOTE) {
      fieldEnd = p;
      return true;
    }
    p += 2;
  }
  setCut(true);
  return false;
}

/** Finds the delimiter or line end; false for a value with a quote or NUL. A bare CR (in CR files an LF) is data. */
function plainField(from: usize, delimiter: u32, eol: u32): bool {
  let p = from;
  while (true) {
    const bytes = v128.load(p);
    let special: u32 = i8x16.bitmask(
      v128.or(v128.or(areEqual(bytes, QUOTE), areEqual(bytes, delimiter)), areControls(bytes)),
    );
    for (; special !== 0; special &= special - 1) {
      const at = p + ctz(special);
      const byte = byteAt(at);
      if (byte === delimiter || byte === eol || (byte === CR && byteAt(at + 1) === LF)) {
        fieldEnd = at;
        return true;
      }
      if (byte === QUOTE || byte === NUL) return false;
    }
    p += STEP;
  }
}
