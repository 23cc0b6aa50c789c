import type { Dialect } from './dialect.js';
import { grammarOf, RecordView, readRecord } from './record.js';

/** Which fields of a file are in quotes although they need not be. */
export interface Quoting {
  quoted_header: boolean;
  /** None, all, or those of these columns, from 1. An unquoted empty field is NULL and says nothing. */
  quoted: 'needed' | 'all' | number[];
}

/** What the records so far say of a column. */
interface Seen {
  isBare: boolean;
  isNeedless: boolean;
}

/**
 * Finds where the records of a text are quoted uniformly. The first record is the header.
 * @param text whole records, and after them a cut one at most
 */
export function findQuoting(text: Buffer, dialect: Pick<Dialect, 'delimiter' | 'newline'>): Quoting {
  const grammar = grammarOf(dialect);
  const view = new RecordView(Number.POSITIVE_INFINITY);
  const limit = text.lastIndexOf(grammar.eol);
  let header: Seen[] | undefined;
  const columns: Seen[] = [];
  for (let at = 0; at <= limit && readRecord(text, at, limit, grammar, view); at = view.next) {
    if (view.end === view.start) continue;
    const record = header ? columns : [];
    for (let k = 0; k < view.fields; k++) look(record, k, text, view, grammar.special);
    header ??= record;
  }
  const width = header?.length ?? 0;
  return { quoted_header: isUniform(header ?? []), quoted: quotedOf(columns.slice(0, width)) };
}

function look(into: Seen[], k: number, text: Buffer, view: RecordView, special: Uint8Array): void {
  into[k] ??= { isBare: false, isNeedless: false };
  const seen = into[k];
  if (!view.isQuoted(k)) seen.isBare ||= !view.isNull(k);
  else if (!seen.isNeedless) {
    const { bytes, start, end } = view.field(text, k);
    seen.isNeedless = end > start && !bytes.subarray(start, end).some((byte) => special[byte] === 1);
  }
}

/** All quoted, one of them without need. */
function isUniform(fields: Seen[]): boolean {
  return fields.some((field) => field.isNeedless) && !fields.some((field) => field.isBare);
}

function quotedOf(columns: Seen[]): Quoting['quoted'] {
  if (isUniform(columns)) return 'all';
  const places = columns.flatMap(({ isBare, isNeedless }, k) => (isNeedless && !isBare ? [k + 1] : []));
  return places.length > 0 ? places : 'needed';
}
