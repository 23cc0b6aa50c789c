import { TaskError } from '../contract/errors.js';
import { columnNumber } from '../contract/fault-place.js';
import type { UploadOptions } from '../contract/task.js';
import { excerptOf, type Malformed } from '../csv/malformed.js';
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

/** Where a row has too few fields, the first column that it lacks. */
export function columnAtFault(bad: Pick<Malformed, 'reason' | 'found' | 'column'>, headers: string[]): string | null {
  if (bad.reason === 'too_few_fields') return headers[bad.found] ?? null;
  return bad.column === null ? null : (headers[bad.column - 1] ?? null);
}

export function describeMalformed(bad: Pick<Malformed, 'reason' | 'found'>, columns: number): string {
  if (bad.reason === 'stray_quote') return 'a quote stands inside an unquoted value, or text follows a closing quote';
  if (bad.reason === 'nul_byte') return 'the row holds a NUL byte, which PostgreSQL text cannot hold';
  return `the row has ${bad.found} fields, the header has ${columns}`;
}

/** The fault of a task whose rejects are more than its limit, with the first row over it. */
export function rejectLimit(
  reject: Reject,
  { max_rejects: limit, on_limit }: Pick<UploadOptions, 'max_rejects' | 'on_limit'>,
  headers: readonly string[],
): TaskError {
  const advice =
    on_limit === 'rollback'
      ? 'Start again with a higher max_rejects to leave bad rows out, or with the file fixed.'
      : 'Resume with a higher max_rejects to leave bad rows out, or terminate, fix the file and start again.';
  const allowed = limit === 0 ? 'No bad row is allowed' : `At most ${limit} bad rows are allowed`;
  return new TaskError(
    'reject_limit',
    `Row ${reject.row} cannot be loaded: ${reject.reason}. ${allowed} (max_rejects). ${advice}`,
    {
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
