import { isDeepStrictEqual } from 'node:util';
import type pg from 'pg';
import type { UploadStart } from '../contract/requests.js';
import type { UploadOptions } from '../contract/task.js';
import { withTransaction } from '../postgres/pool.js';
import { isUnavailable } from '../postgres/sqlstate.js';
import type { Store } from '../storage/store.js';
import { storePart } from '../tasks/checkpoints.js';
import { createTask, type NewTask } from '../tasks/new-task.js';
import type { TaskRow } from '../tasks/tasks.js';
import { checkStored } from './check-head.js';
import { type FileOptions, fileOptionsOf } from './file-options.js';
import type { StoredFile } from './stored-file.js';
import type { StreamingInspections } from './streaming-inspection.js';

export interface UploadToCreate extends Pick<NewTask, 'idempotency'> {
  taskName: string;
  fields: UploadStart;
}

/**
 * Creates the task of an upload, and in the same transaction the parts that are known already: inspect continues after
 * them. The new task then owns the file; without one the caller still does.
 * @returns the task's row, and whether it is new: the same Idempotency-Key finds the task it made before
 * @throws {TaskError} task_exists, idempotency_key_reused, and what `checkHead` finds by fields that came after the
 *   file
 */
export async function createUpload(
  { pool, store, inspections }: { pool: pg.Pool; store: Store; inspections?: Pick<StreamingInspections, 'heads'> },
  { taskName, fields, idempotency }: UploadToCreate,
  file: StoredFile,
): Promise<{ row: TaskRow; created: boolean }> {
  const { source, inspected } = file;
  const options = optionsOf(fields);
  if (!isSame(checkedBy, inspected.options, options)) await checkStored(store, source, options, inspections?.heads);
  const task = { kind: 'upload', userId: fields.user_id, taskName, options, source, idempotency } as const;
  try {
    const made = await withTransaction(pool, async (client) => {
      const { row, created } = await createTask(client, { ...task, bytesTotal: source.size });
      if (created && isSame(readBy, inspected.options, options)) await storeParts(client, row.id, file);
      return { row, created };
    });
    if (made.created) file.handOver();
    return made;
  } catch (error) {
    // The connection may have been lost after the commit, and the task has the file. If not, the file is an orphan.
    if (isUnavailable(error)) file.handOver();
    throw error;
  }
}

async function storeParts(client: pg.ClientBase, taskId: string, { inspected }: StoredFile): Promise<void> {
  let rows = 0;
  for (const [i, part] of inspected.parts.entries()) {
    await storePart(client, taskId, { ...part, partNo: i + 1, firstRow: rows + 1 }, part.evidence);
    rows += part.rows;
  }
}

/** The options that decide what the check of a file finds. */
const checkedBy = ({ dialect, malformed, columns }: FileOptions) => [dialect, malformed, columns];

/** The options that decide what the inspection of a file finds; types by name alone do not. */
const readBy = ({ columns, ...options }: FileOptions) => [
  fileOptionsOf(options),
  Array.isArray(columns) ? columns : undefined,
];

function isSame(by: (options: FileOptions) => unknown, one: FileOptions, other: FileOptions): boolean {
  return isDeepStrictEqual(by(one), by(other));
}

function optionsOf({ max_rejects = 0, on_limit = 'pause', ...given }: UploadStart): UploadOptions {
  const { table, max_bytes_per_second } = given;
  return { table, max_rejects, on_limit, max_bytes_per_second, ...fileOptionsOf(given) };
}
