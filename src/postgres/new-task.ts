import type pg from 'pg';
import { TaskError } from '../contract/errors.js';
import { workflowId } from '../contract/messages.js';
import type { DownloadOptions, Source, UploadOptions } from '../contract/task.js';
import type { Column, TaskKey, TaskRow } from './tasks.js';

export interface NewTask extends TaskKey {
  options: UploadOptions | DownloadOptions;
  source?: Source;
  bytesTotal?: number;
  rowsTotal?: number;
  columns?: Column[];
  idempotency?: { key: string; hash: string };
}

/**
 * Writes a new task down, in state `queued`.
 * @returns the row, and whether it is new: the same Idempotency-Key with the same request gives the task it made before
 * @throws {TaskError} task_exists, idempotency_key_reused
 */
export async function createTask(
  db: pg.Pool | pg.ClientBase,
  task: NewTask,
): Promise<{ row: TaskRow; created: boolean }> {
  const { rows } = await db.query<TaskRow>(
    `INSERT INTO long_task.tasks (kind, user_id, task_name, workflow_id, options, source, bytes_total, rows_total, columns,
                                  idempotency_key, idempotency_hash, undelivered)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'start')
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
    ],
  );
  if (rows[0]) return { row: rows[0], created: true };
  const earlier = task.idempotency && (await findByIdempotencyKey(db, task, task.idempotency));
  if (earlier) return { row: earlier, created: false };
  throw new TaskError(
    'task_exists',
    `The ${task.kind} task "${task.taskName}" of user "${task.userId}" exists already. Choose another task_name.`,
  );
}

/**
 * The task that an Idempotency-Key made before, if any.
 * @throws {TaskError} idempotency_key_reused when that was another request
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

/** Whether a user has a task of this name and kind already. */
export async function isTaskNameTaken(db: pg.Pool | pg.ClientBase, key: TaskKey): Promise<boolean> {
  const { rows } = await db.query(
    `SELECT EXISTS (SELECT FROM long_task.tasks
                     WHERE kind = $1 AND user_id = $2 AND task_name = $3 AND superseded_at IS NULL) AS taken`,
    [key.kind, key.userId, key.taskName],
  );
  return rows[0].taken;
}
