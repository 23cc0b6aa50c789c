import { LINE_END as LF } from './copy-text.js';
import type { ValueReader } from './value-reader.js';

/** A column whose values are read before they are sent: its index in the file, from 0. */
export interface ColumnCheck extends ValueReader {
  column: number;
}

/** A row with a value that its column's type does not accept. */
export interface RefusedValue {
  row: number;
  column: number;
  value: string;
}

/** What a check leaves of encoded rows. */
export interface CheckedRows {
  /** Bytes of the rows that are left, from the first byte of `out` on. */
  written: number;
  /** How many rows are left. */
  loaded: number;
  refused: RefusedValue[];
  /** The row at which the check stopped because it had refused `maxRefused`: later rows were cut off. */
  stoppedAt: number | null;
}

const TAB = 9;
const ZERO = 48;
const BACKSLASH = 92;
const LETTER_N = 78;

/**
 * Rewrites the values of rows encoded by a `RecordEncoder` as PostgreSQL reads them, and removes rows with a refused
 * value, in place.
 * @param checks by ascending column; the first value at fault counts
 */
export function readValues(
  out: Buffer,
  written: number,
  checks: readonly ColumnCheck[],
  maxRefused: number,
): CheckedRows {
  const refused: RefusedValue[] = [];
  const rows = new Compaction(out);
  let loaded = 0;
  let at = 0;
  while (at < written && refused.length < maxRefused) {
    const next = out.indexOf(LF, at) + 1;
    rows.beginRow(at);
    const fault = readRow(rows, at, checks);
    if (fault === null) loaded++;
    else {
      refused.push(fault);
      rows.dropRow(next);
    }
    at = next;
  }
  return { written: rows.end(at), loaded, refused, stoppedAt: at < written ? refused.at(-1)!.row : null };
}

/** Moves bytes of a buffer up over those that are left out. */
class Compaction {
  /** Bytes from `#from` on are not moved yet; they belong at `#to`, which is never after it. */
  #from = 0;
  #to = 0;
  #row = 0;
  #rowTo = 0;

  constructor(readonly bytes: Buffer) {}

  beginRow(at: number): void {
    this.#row = at;
    this.#rowTo = this.#to + at - this.#from;
  }

  /** Writes a value in the place of another one, which is no shorter. */
  replace(start: number, end: number, value: string): void {
    this.#moveUpTo(start);
    this.#to += this.bytes.write(value, this.#to, 'latin1');
    this.#from = end;
  }

  /** Drops the row that started last. */
  dropRow(next: number): void {
    if (this.#from <= this.#row) this.#moveUpTo(this.#row);
    this.#to = this.#rowTo;
    this.#from = next;
  }

  /** Returns the bytes that are left. */
  end(at: number): number {
    this.#moveUpTo(at);
    return this.#to;
  }

  #moveUpTo(at: number): void {
    if (this.#from !== this.#to) this.bytes.copyWithin(this.#to, this.#from, at);
    this.#to += at - this.#from;
    this.#from = at;
  }
}

/** In COPY's text format a tab or line feed that is data is escaped, so that the bare bytes are borders. */
function readRow(rows: Compaction, line: number, checks: readonly ColumnCheck[]): RefusedValue | null {
  const { bytes } = rows;
  // The row number comes before the first column. It is read now, since a rewritten value may move bytes over it.
  let row = 0;
  let at = line;
  while (bytes[at] !== TAB) row = row * 10 + bytes[at++]! - ZERO;
  let column = -1;
  for (const check of checks) {
    while (column < check.column) if (bytes[at++] === TAB) column++;
    let end = at;
    while (bytes[end] !== TAB && bytes[end] !== LF) end++;
    const isNull = end - at === 2 && bytes[at] === BACKSLASH && bytes[at + 1] === LETTER_N;
    if (!isNull && !check.rewrite?.(bytes, at, end)) {
      const text = textOf(bytes, at, end);
      const value = check.read(text);
      if (value === null) return { row, column: check.column, value: text };
      if (value !== text) rows.replace(at, end, value);
    }
    at = end;
  }
  return null;
}

const LETTERS: Record<string, string> = { n: '\n', r: '\r', t: '\t' };

function textOf(out: Buffer, start: number, end: number): string {
  const text = out.toString('utf8', start, end);
  return text.includes('\\') ? text.replace(/\\(.)/g, (_, letter: string) => LETTERS[letter] ?? letter) : text;
}
