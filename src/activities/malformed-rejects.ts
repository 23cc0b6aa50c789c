import { TaskError } from '../contract/errors.js';
import { columnNumber } from '../contract/fault-place.js';
import type { UploadOptions } from '../contract/task.js';
import type { Head } from '../intake/read-head.js';
import type { UnreadRecord } from '../intake/rewriter.js';
import type { Reject } from '../tasks/rejects.js';
import { columnAtFault, describeUnread } from './malformed-rows.js';

/**
 * Returns records that cannot become rows as rejects.
 * @throws {TaskError} malformed_row, naming the first, where the task allows none
 */
export function malformedRejects(
  records: UnreadRecord[],
  head: Pick<Head, 'headers' | 'dialect'>,
  { malformed }: Pick<UploadOptions, 'malformed'>,
): Reject[] {
  const rejects = records.map((record) => asReject(record, head));
  if (rejects[0] && malformed === 'strict') throw malformedRow(rejects[0], head.headers);
  return rejects;
}

function asReject(record: UnreadRecord, { headers, dialect }: Pick<Head, 'headers' | 'dialect'>): Reject {
  const { row, byteOffset, raw, reason: code } = record;
  const reason = describeUnread(record, headers.length, dialect.encoding);
  return { row, byteOffset, column: columnAtFault(record, headers), value: null, code, reason, raw };
}

function malformedRow({ row, byteOffset, column, reason }: Reject, headers: readonly string[]): TaskError {
  const detail = `Row ${row} is malformed: ${reason}. Fix it, or start again with malformed=quarantine or repair.`;
  const place = column === null ? {} : { column, column_number: columnNumber(headers, column) };
  return new TaskError('malformed_row', detail, { row, byte_offset: byteOffset, ...place });
}
