import { LINE_END } from './copy-text.js';
import type { Dialect } from './dialect.js';
import { grammarOf, RecordView, readRecord } from './record.js';

/**
 * Returns the row number of a line in a batch written by a `RecordEncoder`: each record is a line, and COPY counts
 * lines. Null when the batch has no such line.
 * @param batch exactly the bytes written
 * @param line from 1
 */
export function rowOfLine(batch: Buffer, line: number): number | null {
  let start = 0;
  for (let passed = 1; passed < line; passed++) {
    const end = batch.indexOf(LINE_END, start);
    if (end < 0) return null;
    start = end + 1;
  }
  return start < batch.length ? Number.parseInt(batch.toString('latin1', start, start + 20), 10) : null;
}

/**
 * Returns the place of the record that has `before` records before it, without its terminator; null when there is none.
 * @param bytes from a record's beginning on
 */
export function recordAt(
  bytes: Buffer,
  dialect: Dialect,
  columns: number,
  before: number,
): { start: number; end: number } | null {
  const grammar = grammarOf(dialect);
  const view = new RecordView(0);
  const limit = bytes.length;
  // The last record of a file may lack its terminator.
  const whole = Buffer.concat([bytes, Buffer.of(grammar.eol)]);
  let passed = 0;
  for (let at = 0; at < limit; at = view.next) {
    if (!readRecord(whole, at, limit, grammar, view)) return null;
    if (!view.isBlank(columns) && passed++ === before) return { start: view.start, end: view.end };
  }
  return null;
}
