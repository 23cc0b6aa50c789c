import type { Malformed } from '../csv/malformed.js';
import type { RecordFault } from '../intake/record-walker.js';

/** Returns the name of the column at fault; of a row with too few fields, the first missing column. */
export function columnAtFault(bad: RecordFault, headers: string[]): string | null {
  if (bad.reason === 'too_few_fields') return headers[bad.found] ?? null;
  return bad.column === null ? null : (headers[bad.column - 1] ?? null);
}

export function describeMalformed(bad: Pick<Malformed, 'reason' | 'found'>, columns: number): string {
  if (bad.reason === 'stray_quote') return 'an unquoted value contains a quote, or text follows a closing quote';
  if (bad.reason === 'nul_byte') return 'the row holds a NUL byte, which PostgreSQL text cannot hold';
  return `the row has ${bad.found} fields, the header has ${columns}`;
}

/** Says why a record that was read by itself cannot become a row. */
export function describeUnread({ reason, found }: RecordFault, columns: number, encoding: string): string {
  if (reason === 'second_table') return 'the header is repeated above the row: it belongs to another table';
  if (reason === 'unclosed_quote') return 'a quote is opened in the row and not closed';
  if (reason === 'invalid_utf8') return `the row holds bytes that are not valid ${encoding}`;
  return describeMalformed({ reason, found }, columns);
}
