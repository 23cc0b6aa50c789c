import { LINE_END as LF } from './copy-text.js';
import type { GivenType } from './given-types.js';

/** A column whose values are checked before they are sent: its index in the file, from 0. */
export interface ColumnCheck {
  column: number;
  type: GivenType;
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
const BACKSLASH = 92;
const LETTER_N = 78;

/**
 * Takes the rows with a value that is not accepted out of rows encoded by a `RecordEncoder`, in place.
 * @param checks by ascending column; the first value at fault counts
 */
export function refuseValues(
  out: Buffer,
  written: number,
  checks: readonly ColumnCheck[],
  maxRefused: number,
): CheckedRows {
  const refused: RefusedValue[] = [];
  let kept = 0;
  let keptFrom = 0;
  let loaded = 0;
  let at = 0;
  while (at < written && refused.length < maxRefused) {
    const next = out.indexOf(LF, at) + 1;
    const fault = findFault(out, at, checks);
    if (fault === null) loaded++;
    else {
      refused.push(fault);
      kept = keep(out, kept, keptFrom, at);
      keptFrom = next;
    }
    at = next;
  }
  kept = keep(out, kept, keptFrom, at);
  return { written: kept, loaded, refused, stoppedAt: at < written ? refused.at(-1)!.row : null };
}

/** Moves the rows of a range up to those that are kept already. */
function keep(out: Buffer, kept: number, from: number, to: number): number {
  if (from !== kept) out.copyWithin(kept, from, to);
  return kept + to - from;
}

/** In COPY's text format a tab or line feed that is data is escaped, so that the bare bytes are borders. */
function findFault(out: Buffer, line: number, checks: readonly ColumnCheck[]): RefusedValue | null {
  let at = line;
  // The row number comes before the first column.
  let column = -1;
  for (const check of checks) {
    while (column < check.column) if (out[at++] === TAB) column++;
    let end = at;
    while (out[end] !== TAB && out[end] !== LF) end++;
    const isNull = end - at === 2 && out[at] === BACKSLASH && out[at + 1] === LETTER_N;
    if (isNull || check.type.accepts(textOf(out, at, end))) continue;
    const row = Number.parseInt(out.toString('latin1', line, line + 20), 10);
    return { row, column: check.column, value: textOf(out, at, end) };
  }
  return null;
}

const LETTERS: Record<string, string> = { n: '\n', r: '\r', t: '\t' };

function textOf(out: Buffer, start: number, end: number): string {
  const text = out.toString('utf8', start, end);
  return text.includes('\\') ? text.replace(/\\(.)/g, (_, letter: string) => LETTERS[letter] ?? letter) : text;
}
