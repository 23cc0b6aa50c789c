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

/** How the records of a text are read. */
interface Layout {
  /** One ASCII character. */
  delimiter: string;
  newline: string;
  /** Records of the header, 1 by default, and lines above it. */
  header_rows?: number;
  skip_lines?: number;
}

/**
 * Finds where the records of a text are quoted uniformly.
 * @param text whole records, and after them a cut one at most
 */
export function findQuoting(text: Buffer, layout: Layout): Quoting {
  const { header_rows = 1, skip_lines = 0 } = layout;
  const grammar = grammarOf(layout as Pick<Dialect, 'delimiter' | 'newline'>);
  const view = new RecordView(Number.POSITIVE_INFINITY);
  const limit = text.lastIndexOf(grammar.eol);
  const header: Seen[] = [];
  const columns: Seen[] = [];
  let records = 0;
  for (let at = 0; at <= limit && readRecord(text, at, limit, grammar, view); at = view.next) {
    if (view.end === view.start || records++ < skip_lines) continue;
    const record = records > skip_lines + header_rows ? columns : header;
    for (let k = 0; k < view.fields; k++) look(record, k, text, view, grammar.special);
  }
  const width = header_rows > 0 ? header.length : columns.length;
  return { quoted_header: isUniform(header), quoted: quotedOf(columns.slice(0, width)) };
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
