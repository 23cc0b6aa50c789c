import type pg from 'pg';
import { TaskError } from '../contract/errors.js';
import {
  type Action,
  allowedActions,
  type Channel,
  isFinal,
  nextState,
  type Phase,
  type State,
} from '../contract/states.js';
import type { Receipt, TaskFault, UploadOptions } from '../contract/task.js';
import { failpoint } from '../failpoint.js';
import { closeFence, endSessions } from './fence.js';
import { changeState, lockTask } from './task-state.js';
import { getTaskById, type TaskRow } from './tasks.js';

/** Who wants what, and why. */
export interface Command {
  action: Action;
  channel: Channel;
  actor?: string;
  reason?: string;
  /** With a resume: the new reject limit, also of a task that runs; its parts take it up as they begin. */
  maxRejects?: number;
  /** The name of this very command, so that it is applied once however often it is brought. */
  key?: string;
}

/** What the workflow has to do next. `run` names the epoch that the writers are given. */
export type Next =
  | { next: 'run'; epoch: number; phase: Phase | null }
  | { next: 'wait' }
  | { next: 'rollback' }
  | { next: 'done'; state: State };

/**
 * Gives a task a command: closes the fence, raises the epoch, changes the state and writes the event down, in one
 * transaction. When it returns no writer of an older epoch can commit any more, whatever Temporal does.
 * @returns the row, and whether anything changed (a command in effect or applied already changes nothing)
 * @throws {TaskError} illegal_transition with the state and what is allowed there
 */
export async function commandTask(
  pool: pg.Pool,
  task: TaskRow,
  command: Command,
): Promise<{ row: TaskRow; changed: boolean }> {
  const change = async (client: pg.PoolClient) => {
    const row = await lockTask(client, task.id);
    if (command.key !== undefined && !(await isFirst(client, task.id, command.key))) return { row, changed: false };
    const to = nextState(row.state, command.action);
    if (to === undefined) throw illegalTransition(row, command.action);
    if (command.maxRejects !== undefined) await setRejectLimit(client, row, command.maxRejects);
    if (to === null) return { row, changed: false };
    const changed = await changeState(client, row, to, command);
    await failpoint('command:before-commit');
    return { row: changed, changed: true };
  };
  // A resume of what runs already must not cost anybody a batch.
  const done = await closeFence(pool, task.lock_key, change, { cancelBatches: command.action !== 'resume' });
  await failpoint('command:after-commit');
  return done;
}

/**
 * Gives a task a command that somebody sent past the service, once, by its key. What is not legal here is ignored, since nobody
 * waits for an answer.
 * @returns what `commandTask` returns; null when it was ignored
 */
export async function commandFromOutside(
  pool: pg.Pool,
  task: TaskRow,
  command: Command & { key: string },
): Promise<{ row: TaskRow; changed: boolean } | null> {
  try {
    return await commandTask(pool, task, command);
  } catch (error) {
    if (error instanceof TaskError && error.code === 'illegal_transition') return null;
    throw error;
  }
}

/** Also of a command that changes nothing, which it might do when it is brought again later. */
async function isFirst(client: pg.ClientBase, taskId: string, key: string): Promise<boolean> {
  const { rowCount } = await client.query(
    'INSERT INTO long_task.applied_commands (task_id, key) VALUES ($1, $2) ON CONFLICT DO NOTHING',
    [taskId, key],
  );
  return rowCount === 1;
}

/** The error of a command that a task does not take in its state. */
export function illegalTransition(row: TaskRow, action: Action): TaskError {
  const allowed = allowedActions(row.state);
  return new TaskError(
    'illegal_transition',
    `A task that is ${row.state} cannot ${action}${allowed.length ? `; it can ${allowed.join(' or ')}` : ''}.`,
    { current_state: row.state, allowed_actions: allowed },
  );
}

async function setRejectLimit(client: pg.ClientBase, row: TaskRow, maxRejects: number): Promise<void> {
  const options: UploadOptions = { ...row.options, max_rejects: maxRejects };
  await client.query('UPDATE long_task.tasks SET options = $2 WHERE id = $1', [row.id, JSON.stringify(options)]);
}

/**
 * Brings a task whose writers have all ended into the state that its commands ask for (`pausing` becomes `paused`) and
 * says what is next. Sessions that a frozen or killed writer left behind are ended first, so that `paused` holds nothing.
 */
export async function settleTask(pool: pg.Pool, taskId: string): Promise<Next> {
  const task = await getTaskById(pool, taskId);
  return closeFence(pool, task.lock_key, async (client) => {
    const row = await lockTask(client, taskId);
    if (isFinal(row.state)) return { next: 'done', state: row.state };
    if (row.state === 'terminating' || row.state === 'rollback_failed') return { next: 'rollback' };
    if (row.state === 'paused') return { next: 'wait' };
    if (row.state === 'pausing') {
      await endSessions(client, row.lock_key);
      await changeState(client, row, 'paused', { action: 'pause', channel: 'service' });
      await failpoint('settle:before-commit');
      return { next: 'wait' };
    }
    if (row.state === 'queued')
      await changeState(client, row, 'running', { action: 'resume', channel: 'service', reason: 'start' });
    await failpoint('settle:before-commit');
    return { next: 'run', epoch: (await getTaskById(client, taskId)).epoch, phase: row.phase };
  });
}

/**
 * Records what stopped a task. At the reject limit (unless `on_limit` is `rollback`) and when the disk is full it pauses and
 * asks; at anything else it is rolled back and ends `failed`. A command that came first stands: what stopped the writers of
 * this epoch is met again by those of a later one, if it is still there.
 */
export async function faultTask(pool: pg.Pool, taskId: string, epoch: number, fault: TaskFault): Promise<void> {
  const task = await getTaskById(pool, taskId);
  await closeFence(pool, task.lock_key, async (client) => {
    const row = await lockTask(client, taskId);
    if (row.state !== 'running' || row.epoch !== epoch) return;
    const asks = fault.code === 'disk_full' || (fault.code === 'reject_limit' && row.options.on_limit !== 'rollback');
    await changeState(client, row, asks ? 'pausing' : 'terminating', {
      action: asks ? 'pause' : 'terminate',
      channel: 'service',
      reason: fault.code,
    });
    await client.query('UPDATE long_task.tasks SET error = $2, pause_reasons = $3 WHERE id = $1', [
      taskId,
      JSON.stringify(fault),
      asks ? [fault.code] : [],
    ]);
  });
}

/** What a task leaves behind when it completes. */
export interface Completion {
  receipt: Receipt;
  tableName?: string;
  tableOid?: number;
  result?: { key: string; size: number; sha256: string };
}

/** Ends a task as `completed`, with its receipt, in the caller's transaction behind the fence. */
export async function completeTask(client: pg.ClientBase, taskId: string, done: Completion): Promise<void> {
  const row = await changeState(client, await lockTask(client, taskId), 'completed', {
    action: 'resume',
    channel: 'service',
    reason: 'completed',
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

/** Ends a rollback: `failed` when a fault led to it, `terminated` when a command did. */
export async function finishRollback(client: pg.ClientBase, taskId: string): Promise<State> {
  const row = await lockTask(client, taskId);
  if (isFinal(row.state)) return row.state;
  const to =
    row.error && row.error.code !== 'rollback_failed' && row.pause_reasons.length === 0 ? 'failed' : 'terminated';
  await changeState(client, row, to, { action: 'terminate', channel: 'service', reason: 'rolled back' });
  if (row.error?.code === 'rollback_failed')
    await client.query('UPDATE long_task.tasks SET error = NULL WHERE id = $1', [taskId]);
  return to;
}

/** Says that a rollback could not finish yet; it is tried again. */
export async function markRollbackFailed(pool: pg.Pool, taskId: string, detail: string): Promise<void> {
  const task = await getTaskById(pool, taskId);
  await closeFence(pool, task.lock_key, async (client) => {
    const row = await lockTask(client, taskId);
    if (row.state !== 'terminating') return;
    await changeState(client, row, 'rollback_failed', { action: 'terminate', channel: 'service', reason: detail });
    if (!row.error) {
      const fault: TaskFault = { code: 'rollback_failed', detail };
      await client.query('UPDATE long_task.tasks SET error = $2 WHERE id = $1', [taskId, JSON.stringify(fault)]);
    }
  });
}
