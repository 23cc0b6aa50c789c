import pg from 'pg';
import { TaskError } from '../contract/errors.js';
import { workflowId } from '../contract/messages.js';
import type { DownloadOptions, Source, UploadOptions } from '../contract/task.js';
import { withTransaction } from '../postgres/pool.js';
import { writeMessage } from './outbox.js';
import type { Column, TaskKey, TaskRow } from './tasks.js';

export interface NewTask extends TaskKey {
  options: UploadOptions | DownloadOptions;
  source?: Source;
  bytesTotal?: number;
  rowsTotal?: number;
  columns?: Column[];
  /** Warnings for the caller from the start. */
  warnings?: string[];
  idempotency?: { key: string; hash: string };
  /** The id of a completed task whose result is lost. It gives up its name, as a failed task does. */
  lostTask?: string;
}

/**
 * Creates a task in state `queued`, with the message that starts its workflow. A failed or terminated task of that name
 * becomes history in the same transaction.
 * @returns the row, and whether it is new: a repeated request with the same Idempotency-Key gets the existing task
 * @throws {TaskError} task_exists, idempotency_key_reused
 */
export async function createTask(
  db: pg.Pool | pg.ClientBase,
  task: NewTask,
): Promise<{ row: TaskRow; created: boolean }> {
  if (db instanceof pg.Pool) return withTransaction(db, (client) => createTask(client, task));
  const findEarlier = async () => task.idempotency && (await findByIdempotencyKey(db, task, task.idempotency));
  const known = await findEarlier();
  if (known) return { row: known, created: false };
  await supersedeTask(db, task);
  const row = await insertTask(db, task);
  if (row) {
    await writeMessage(db, row.id, { kind: 'start' });
    return { row, created: true };
  }
  // A concurrent identical request may have created it.
  const earlier = await findEarlier();
  if (earlier) return { row: earlier, created: false };
  throw taskExists(task, await findByName(db, task));
}

/**
 * Frees the name of a task that has ended without a result. The task gets a workflow id of its own, since the new
 * task's workflow runs under the old one. A task that was created meanwhile with the same Idempotency-Key keeps its
 * name, since the request returns it.
 */
async function supersedeTask(
  db: pg.ClientBase,
  { kind, userId, taskName, lostTask, idempotency }: NewTask,
): Promise<void> {
  await db.query(
    `UPDATE long_task.tasks SET superseded_at = now(), workflow_id = kind || '/' || id
      WHERE kind = $1 AND user_id = $2 AND task_name = $3 AND superseded_at IS NULL
        AND (state IN ('failed', 'terminated') OR (state = 'completed' AND id = $4))
        AND ($5::text IS NULL OR idempotency_key IS DISTINCT FROM $5)`,
    [kind, userId, taskName, lostTask ?? null, idempotency?.key ?? null],
  );
}

/** Inserts the row. Returns undefined when the name or the Idempotency-Key is in use. */
async function insertTask(db: pg.ClientBase, task: NewTask): Promise<TaskRow | undefined> {
  const { rows } = await db.query<TaskRow>(
    `INSERT INTO long_task.tasks (kind, user_id, task_name, workflow_id, options, source, bytes_total, rows_total, columns,
                                  idempotency_key, idempotency_hash, warnings)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
     ON CONFLICT DO NOTHING RETURNING *`,
    [
      task.kind,
      task.userId,
      task.taskName,
      workflowId(task.kind, task.userId, task.taskName),
      JSON.stringify(task.options),
      task.source ? JSON.stringify(task.source) : null,
      task.bytesTotal ?? null,
      task.rowsTotal ?? null,
      task.columns ? JSON.stringify(task.columns) : null,
      task.idempotency?.key ?? null,
      task.idempotency?.hash ?? null,
      task.warnings ?? [],
    ],
  );
  return rows[0];
}

/**
 * Finds the task that was created with this Idempotency-Key, history included.
 * @throws {TaskError} idempotency_key_reused when that request was a different one
 */
export async function findByIdempotencyKey(
  db: pg.Pool | pg.ClientBase,
  owner: Pick<TaskKey, 'kind' | 'userId'>,
  idempotency: { key: string; hash: string },
): Promise<TaskRow | undefined> {
  const { rows } = await db.query<TaskRow>(
    'SELECT * FROM long_task.tasks WHERE kind = $1 AND user_id = $2 AND idempotency_key = $3',
    [owner.kind, owner.userId, idempotency.key],
  );
  if (rows[0] && rows[0].idempotency_hash !== idempotency.hash) {
    throw new TaskError(
      'idempotency_key_reused',
      `The Idempotency-Key "${idempotency.key}" was used for another request. Send a new key.`,
    );
  }
  return rows[0];
}

/** Finds the task that has this name now. */
export async function findByName(db: pg.Pool | pg.ClientBase, key: TaskKey): Promise<TaskRow | undefined> {
  const { rows } = await db.query<TaskRow>(
    'SELECT * FROM long_task.tasks WHERE kind = $1 AND user_id = $2 AND task_name = $3 AND superseded_at IS NULL',
    [key.kind, key.userId, key.taskName],
  );
  return rows[0];
}

/** Returns whether a start may reuse the name of this task. */
export function isNameFree(holder: TaskRow | undefined): boolean {
  return !holder || holder.state === 'failed' || holder.state === 'terminated';
}

/** Returns the error of a start whose name is in use, with a remedy. */
export function taskExists(key: TaskKey, holder: TaskRow | undefined): TaskError {
  const { kind, userId, taskName } = key;
  const whose = holder ? `a ${holder.state} ${kind}` : `another ${kind}`;
  const what = kind === 'download' ? 'another task_name (and name the upload in "upload")' : 'another task_name';
  return new TaskError(
    'task_exists',
    `Task name "${taskName}" is already in use by ${whose} of user "${userId}". Choose ${what}, or ${remedy(key, holder)}.`,
    holder && { current_state: holder.state },
  );
}

function remedy({ kind, taskName }: TaskKey, holder: TaskRow | undefined): string {
  if (holder?.state === 'completed') return `delete that task (DELETE /tasks/${kind}/${encodeURIComponent(taskName)})`;
  if (holder?.state === 'terminating' || holder?.state === 'rollback_failed') return 'wait until it has ended';
  return 'terminate that task';
}
