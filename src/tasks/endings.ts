import type pg from 'pg';
import { isFinal, type State } from '../contract/states.js';
import type { Receipt, TaskFault } from '../contract/task.js';
import { closeFence } from './fence.js';
import { changeState, lockTask } from './task-state.js';
import { getTaskById } from './tasks.js';

/** The results of a completed task. */
export interface Completion {
  receipt: Receipt;
  tableName?: string;
  tableOid?: number;
  result?: { key: string; size: number; sha256: string };
}

/**
 * Ends a task as `completed`, with its receipt, in the caller's transaction inside the fence. Makes the commit wait for
 * the disk, regardless of the session's settings.
 */
export async function completeTask(client: pg.ClientBase, taskId: string, done: Completion): Promise<void> {
  await client.query('SET LOCAL synchronous_commit = on');
  const row = await changeState(client, await lockTask(client, taskId), {
    verb: 'completed',
    to: 'completed',
    channel: 'service',
  });
  await client.query(
    `UPDATE long_task.tasks SET receipt = $2, table_name = coalesce($3, table_name), table_oid = coalesce($4, table_oid), result = $5,
            rows_rejected = $6, staging_oid = CASE WHEN kind = 'upload' THEN NULL ELSE staging_oid END WHERE id = $1`,
    [
      taskId,
      JSON.stringify({ ...done.receipt, seconds: row.phase_seconds }),
      done.tableName ?? null,
      done.tableOid ?? null,
      done.result ? JSON.stringify(done.result) : null,
      done.receipt.rows_rejected,
    ],
  );
}

/**
 * Ends a rollback in the state that was stored when it started: `failed` after a fault, `terminated` after a command.
 */
export async function finishRollback(client: pg.ClientBase, taskId: string): Promise<State> {
  const row = await lockTask(client, taskId);
  if (isFinal(row.state)) return row.state;
  const to = row.ending ?? 'terminated';
  await changeState(client, row, { verb: 'rolled_back', to, channel: 'service' });
  if (row.error?.code === 'rollback_failed')
    await client.query('UPDATE long_task.tasks SET error = NULL WHERE id = $1', [taskId]);
  return to;
}

/** Records that a rollback cannot finish yet. The workflow retries it. */
export async function markRollbackFailed(pool: pg.Pool, taskId: string, detail: string): Promise<void> {
  const task = await getTaskById(pool, taskId);
  await closeFence(pool, task.lock_key, async (client) => {
    const row = await lockTask(client, taskId);
    if (row.state !== 'terminating') return;
    await changeState(client, row, {
      verb: 'rollback_failed',
      to: 'rollback_failed',
      channel: 'service',
      reason: detail,
    });
    if (!row.error) {
      const fault: TaskFault = { code: 'rollback_failed', detail };
      await client.query('UPDATE long_task.tasks SET error = $2 WHERE id = $1', [taskId, JSON.stringify(fault)]);
    }
  });
}
