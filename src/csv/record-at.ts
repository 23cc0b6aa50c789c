import type { Dialect } from './dialect.js';
import { grammarOf, RecordView, readRecord } from './record.js';

/** Where a record lies: its bytes without the terminator, and where the next one begins. */
export interface RecordPlace {
  start: number;
  end: number;
  next: number;
}

/**
 * Finds records by the number of records before them, in one pass; those that are not there are left out.
 * @param bytes from a record's beginning on
 * @param before ascending
 */
export function recordsAt(bytes: Buffer, dialect: Dialect, columns: number, before: readonly number[]): RecordPlace[] {
  const grammar = grammarOf(dialect);
  const view = new RecordView(0);
  const limit = bytes.length;
  // The last record of a file may lack its terminator.
  const whole = Buffer.concat([bytes, Buffer.of(grammar.eol)]);
  const places: RecordPlace[] = [];
  let passed = 0;
  for (let at = 0; at < limit && places.length < before.length; at = view.next) {
    if (!readRecord(whole, at, limit, grammar, view)) break;
    if (view.isBlank(columns) || passed++ !== before[places.length]) continue;
    places.push({ start: view.start, end: view.end, next: Math.min(view.next, limit) });
  }
  return places;
}
