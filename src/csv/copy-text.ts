import type { FieldContent } from './record.js';

// COPY's text format: https://www.postgresql.org/docs/current/sql-copy.html, "Text Format".
export const TAB = 9;
export const LINE_END = 10;
const BACKSLASH = 92;

/** The letter after a backslash for each byte that the format gives a meaning, else 0. */
const ESCAPES = new Uint8Array(256);
for (const [byte, letter] of ['\nn', '\rr', '\tt', '\\\\']) ESCAPES[byte.charCodeAt(0)] = letter.charCodeAt(0);

/** Returns the bytes that `writeField` would write. */
export function fieldLength({ bytes, start, end, isNull }: FieldContent): number {
  if (isNull) return 2;
  let length = end - start;
  for (let i = start; i < end; i++) if (ESCAPES[bytes[i]] !== 0) length++;
  return length;
}

/** Writes the field at `at`; returns the index after it. */
export function writeField({ bytes, start, end, isNull }: FieldContent, out: Buffer, at: number): number {
  if (isNull) return at + out.write('\\N', at, 'latin1');
  let to = at;
  let from = start;
  for (let i = start; i < end; i++) {
    const letter = ESCAPES[bytes[i]];
    if (letter === 0) continue;
    to = copyStretch(bytes, from, i, out, to);
    out[to++] = BACKSLASH;
    out[to++] = letter;
    from = i + 1;
  }
  return copyStretch(bytes, from, end, out, to);
}

/** A native copy costs more per call than a short stretch costs byte by byte. */
function copyStretch(bytes: Buffer, from: number, end: number, out: Buffer, at: number): number {
  if (end - from > 64) return at + bytes.copy(out, at, from, end);
  let to = at;
  for (let i = from; i < end; i++) out[to++] = bytes[i];
  return to;
}
