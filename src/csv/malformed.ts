import type { RecordView } from './record.js';

/** A record that cannot become a row of the table. */
export interface Malformed {
  /** From 1, in the file. */
  row: number;
  /** Place of the record in the file, and its length, both in bytes; the terminator is left out. */
  byteOffset: number;
  length: number;
  reason: 'too_few_fields' | 'too_many_fields' | 'stray_quote' | 'nul_byte';
  /** The column at fault, from 1; null where it is the record as a whole. */
  column: number | null;
  /** Number of fields in the record; after a stray quote, as if the rest of the line held no quotes. */
  found: number;
  /** At most 200 characters of the raw record, control characters made visible. */
  excerpt: string;
}

const EXCERPT = 200;

/** Why the record is malformed, or null. A NUL comes first: no reading of the record can store it. */
export function faultOf(view: RecordView, columns: number): Malformed['reason'] | null {
  if (view.nul > 0) return 'nul_byte';
  if (view.stray > 0) return 'stray_quote';
  if (view.fields < columns) return 'too_few_fields';
  return view.fields > columns ? 'too_many_fields' : null;
}

/** The column at fault, from 1; null where it is the record as a whole. */
export function columnOf(view: RecordView, reason: Malformed['reason']): number | null {
  if (reason === 'nul_byte') return view.nul;
  return reason === 'stray_quote' ? view.stray : null;
}

/** Returns the malformed record as data; `base` is the file offset of bytes[0]. */
export function malformedRecord(
  bytes: Buffer,
  view: RecordView,
  reason: Malformed['reason'],
  row: number,
  base: number,
): Malformed {
  return {
    row,
    byteOffset: base + view.start,
    length: view.end - view.start,
    reason,
    column: columnOf(view, reason),
    found: view.fields,
    excerpt: excerptOf(bytes, view.start, view.end),
  };
}

/** At most `max` characters of the bytes as text; control characters as their Unicode pictures (U+2400 and on). */
export function excerptOf(bytes: Buffer, start: number, end: number, max = EXCERPT): string {
  const stop = Math.min(end, start + max * 4 + 4);
  const text = bytes.toString('utf8', start, stop);
  const visible = text.replace(/\p{Cc}/gu, (c) => {
    const code = c.charCodeAt(0);
    return code < 32 ? String.fromCharCode(0x2400 + code) : code === 127 ? '\u2421' : '\ufffd';
  });
  if (stop === end && visible.length <= max) return visible;
  // Not between the halves of a surrogate pair.
  return `${visible.slice(0, max - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}
