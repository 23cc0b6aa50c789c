import type pg from 'pg';
import { allowedRejects } from '../contract/allowed-rejects.js';
import { TaskError } from '../contract/errors.js';
import { columnNumber } from '../contract/fault-place.js';
import type { UploadOptions } from '../contract/task.js';
import { excerptOf } from '../csv/malformed.js';
import { countRejects, type Reject, rejectAfter } from '../tasks/rejects.js';
import { asUpload, type TaskRow } from '../tasks/tasks.js';

/** What decides how many rows of a task may be rejected, and what names the columns in the error. */
export interface RejectLimit {
  taskId: string;
  options: Pick<UploadOptions, 'max_rejects' | 'on_limit'>;
  /** Of the file; null as long as they are not counted, when a share of the rows sets no limit yet. */
  rows: number | null;
  headers: readonly string[];
}

/** Returns the limit of an upload whose file is inspected. */
export function limitOf(task: TaskRow): RejectLimit {
  const headers = task.columns!.map(({ original }) => original);
  return { taskId: task.id, options: asUpload(task).options, rows: task.rows_total, headers };
}

/** Checks the task's stored rejects. @throws {TaskError} reject_limit, naming the first row over the limit */
export async function checkStoredRejects(client: pg.ClientBase, limit: RejectLimit): Promise<void> {
  if (allowedBy(limit) === Number.POSITIVE_INFINITY) return;
  await checkCountedRejects(client, limit, await countRejects(client, limit.taskId));
}

/** The same, where the caller has counted those that are stored. @throws {TaskError} reject_limit */
export async function checkCountedRejects(client: pg.ClientBase, limit: RejectLimit, count: number): Promise<void> {
  const allowed = allowedBy(limit);
  if (count <= allowed) return;
  throw limitExceeded((await rejectAfter(client, limit.taskId, allowed))!, limit);
}

/**
 * The same, where not all that were counted are stored: of a part at most a thousand malformed rows. Where the first
 * row over the limit is not, the load hits the limit.
 * @throws {TaskError} reject_limit
 */
export async function checkFoundRejects(client: pg.ClientBase, limit: RejectLimit, count: number): Promise<void> {
  const allowed = allowedBy(limit);
  if (count <= allowed) return;
  const first = await rejectAfter(client, limit.taskId, allowed);
  if (first) throw limitExceeded(first, limit);
}

/**
 * Checks rejects that are not stored yet together with those that are.
 * @param rejects in the order of their rows
 * @throws {TaskError} reject_limit
 */
export async function checkFurtherRejects(
  client: pg.ClientBase,
  limit: RejectLimit,
  rejects: readonly Reject[],
): Promise<void> {
  if (rejects.length === 0) return;
  const room = allowedBy(limit) - (await countRejects(client, limit.taskId));
  if (rejects.length > room) throw limitExceeded(rejects[Math.max(0, room)]!, limit);
}

function allowedBy({ options, rows }: RejectLimit): number {
  return allowedRejects(options.max_rejects, rows);
}

/** @param reject the first one over the limit */
function limitExceeded(reject: Reject, { options, headers }: RejectLimit): TaskError {
  const { max_rejects: limit, on_limit } = options;
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
