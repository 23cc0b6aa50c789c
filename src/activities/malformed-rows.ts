import { TaskError } from '../contract/errors.js';
import { columnNumber } from '../contract/fault-place.js';
import type { UploadOptions } from '../contract/task.js';
import { excerptOf, type Malformed } from '../csv/malformed.js';
import type { RecordFault } from '../intake/record-walker.js';
import type { Reject } from '../tasks/rejects.js';

/** Returns a malformed record as a reject. @param raw the record's bytes */
export function asReject(bad: Malformed, headers: string[], raw: Buffer): Reject {
  return {
    row: bad.row,
    byteOffset: bad.byteOffset,
    column: columnAtFault(bad, headers),
    value: null,
    code: bad.reason,
    reason: describeMalformed(bad, headers.length),
    raw,
  };
}

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

/** The fault of a task that allows no malformed row, with the first one. */
export function malformedRow({ row, byteOffset, column, reason }: Reject, headers: readonly string[]): TaskError {
  const detail = `Row ${row} is malformed: ${reason}. Fix it, or start again with malformed=quarantine or repair.`;
  const place = column === null ? {} : { column, column_number: columnNumber(headers, column) };
  return new TaskError('malformed_row', detail, { row, byte_offset: byteOffset, ...place });
}

/** Returns the error of a task whose rejects exceed its limit, with the first row over the limit. */
export function rejectLimit(
  reject: Reject,
  { max_rejects: limit, on_limit }: Pick<UploadOptions, 'max_rejects' | 'on_limit'>,
  headers: readonly string[],
): TaskError {
  const advice =
    on_limit === 'rollback'
      ? 'Start again with a higher max_rejects to leave bad rows out, or with the file fixed.'
      : 'Resume with a higher max_rejects to leave bad rows out, or terminate, fix the file and start again.';
  const allowed = limit === 0 ? 'No bad row is allowed' : `At most ${limit} ${ofRows(limit)} are allowed`;
  return new TaskError(
    'reject_limit',
    `Row ${reject.row} cannot be loaded: ${reject.reason}. ${allowed} (max_rejects). ${advice}`,
    {
      limit,
      row: reject.row,
      byte_offset: reject.byteOffset,
      ...(reject.column !== null && {
        column: reject.column,
        column_number: columnNumber(headers, reject.column),
      }),
      value: reject.value?.slice(0, 200) ?? excerptOf(reject.raw, 0, reject.raw.length),
    },
  );
}

function ofRows(limit: number | string): string {
  return typeof limit === 'number' ? 'bad rows' : 'of the rows';
}
