import type pg from 'pg';
import { allowedRejects } from '../contract/allowed-rejects.js';
import { type ErrorCode, invalidRequest, TaskError } from '../contract/errors.js';
import type { Fault } from '../contract/fault.js';
import { type FaultPlace, placeOf } from '../contract/fault-place.js';
import type { GivenDialect } from '../contract/requests.js';
import {
  type Action,
  allowedActions,
  type Channel,
  isFinal,
  type Phase,
  type State,
  transitionOf,
} from '../contract/states.js';
import type { UploadOptions } from '../contract/task.js';
import { failpoint } from '../failpoint.js';
import { removeParts } from './checkpoints.js';
import { startConversion } from './conversion.js';
import { closeFence, endSessions } from './fence.js';
import { addNote } from './task-events.js';
import { changeState, lockTask } from './task-state.js';
import { asUpload, getTaskById, type NativePause, type TaskRow, type UploadRow } from './tasks.js';

/** A command for a task, with its origin and its reason. */
export interface Command {
  action: Action;
  channel: Channel;
  actor?: string;
  reason?: string;
  /** With a resume: the new reject limit. A running task may get one too; each of its parts reads it at its start. */
  maxRejects?: number | string;
  /** With a resume: how the file is written, where inspect has asked. */
  dialect?: GivenDialect;
  /** With a pause by Temporal's own controls: what an operator paused there. */
  nativePause?: NativePause;
  /** Identifies the command, so that a redelivery has no effect. */
  key?: string;
}

/** What the workflow must do next. `run` carries the epoch for the writers; the others carry the cause. */
export type Next =
  | { next: 'run'; epoch: number; phase: Phase | null }
  | ({ next: 'wait' } & Cause)
  | ({ next: 'rollback' } & Cause)
  | ({ next: 'done'; state: State; rows?: { loaded: number; rejected: number } } & Cause);

/** The fault of a task without its texts, and the reject limit of an upload. */
export interface Cause {
  fault?: FaultPlace;
  maxRejects?: number;
}

/**
 * Gives a task a command: in one transaction closes the fence, raises the epoch, changes the state and records the
 * event. After it returns, no writer of an older epoch can commit, regardless of Temporal.
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
    const transition = transitionOf(row.state, command.action);
    if (transition === undefined) throw illegalTransition(row, command.action);
    if (row.kind === 'upload') await setOptions(client, row, command);
    if (transition === null) return { row, changed: false };
    const { action, channel, actor, reason, nativePause } = command;
    const changed = await changeState(client, row, {
      ...transition,
      channel,
      actor,
      reason,
      nativePause,
      ending: action === 'terminate' ? 'terminated' : undefined,
      // A run with a paused activity must end its steps. A paused workflow does not react to signals.
      notify: channel === 'api' || nativePause === 'activity' ? action : undefined,
    });
    const objection = action === 'resume' ? vainResume(row, command.maxRejects) : null;
    if (objection) await addNote(client, changed, objection);
    await failpoint('command:before-commit');
    return { row: changed, changed: true };
  };
  // A resume cancels no batches: the task may be running already.
  const done = await closeFence(pool, task.lock_key, change, { cancelBatches: command.action !== 'resume' });
  await failpoint('command:after-commit');
  return done;
}

/**
 * Applies a command that came directly from Temporal to a task, once, by its key. Ignores an illegal one, since no
 * caller waits for an answer.
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

/** Records the key even for a no-op, so that a later redelivery has no effect. Returns whether the key is new. */
async function isFirst(client: pg.ClientBase, taskId: string, key: string): Promise<boolean> {
  const { rowCount } = await client.query(
    'INSERT INTO long_task.applied_commands (task_id, key) VALUES ($1, $2) ON CONFLICT DO NOTHING',
    [taskId, key],
  );
  return rowCount === 1;
}

/** Returns the error of a command that is illegal in the task's state. */
export function illegalTransition(row: TaskRow, action: Action): TaskError {
  const allowed = allowedActions(row.state);
  return new TaskError(
    'illegal_transition',
    `A task that is ${row.state} cannot ${action}${allowed.length ? `; it can ${allowed.join(' or ')}` : ''}.`,
    { current_state: row.state, allowed_actions: allowed },
  );
}

/** Changes what a resume says of an upload. A dialect can be given until the file is inspected. */
async function setOptions(client: pg.ClientBase, row: UploadRow, { maxRejects, dialect }: Command): Promise<void> {
  if (maxRejects === undefined && dialect === undefined) return;
  const options: UploadOptions = {
    ...row.options,
    ...(maxRejects !== undefined && { max_rejects: maxRejects }),
    ...(dialect !== undefined && { dialect: { ...row.options.dialect, ...dialect } }),
  };
  if (dialect !== undefined) await readAgain(client, row);
  await client.query('UPDATE long_task.tasks SET options = $2 WHERE id = $1', [row.id, JSON.stringify(options)]);
}

/** @throws {TaskError} invalid_request where the file is inspected */
async function readAgain(client: pg.ClientBase, { id, phase, state }: UploadRow): Promise<void> {
  if (state !== 'paused' || (phase !== null && phase !== 'inspecting')) {
    const detail = 'can be given only to a task that is paused before its file is inspected';
    throw invalidRequest([{ field: 'dialect', detail }]);
  }
  await removeParts(client, id);
  await startConversion(client, id);
}

/** Explains why a resume with this limit cannot help a task at its reject limit; null where it may help. */
function vainResume(row: TaskRow, wanted?: number | string): string | null {
  if (row.kind !== 'upload' || row.error?.code !== 'reject_limit') return null;
  const maxRejects = allowedRejects(wanted ?? row.options.max_rejects, row.rows_total);
  const before = allowedRejects(row.options.max_rejects, row.rows_total);
  const needed = Math.max(Number.isFinite(before) ? before + 1 : 0, row.rows_rejected);
  if (maxRejects >= needed) return null;
  return (
    `max_rejects is ${maxRejects}, too low for the rows that are bad already: the task will pause again. ` +
    `Resume with max_rejects of at least ${needed}.`
  );
}

/**
 * Completes the pending change of a task whose writers have ended: `queued` becomes `running`, `pausing` becomes
 * `paused`. Returns what is next. Before `paused` it ends the sessions of frozen or killed writers, so that the task
 * holds nothing.
 */
export async function settleTask(pool: pg.Pool, taskId: string): Promise<Next> {
  const task = await getTaskById(pool, taskId);
  return closeFence(pool, task.lock_key, async (client) => {
    const row = await lockTask(client, taskId);
    if (isFinal(row.state)) return { next: 'done', state: row.state, ...causeOf(row), ...rowsOf(row) };
    if (row.state === 'terminating' || row.state === 'rollback_failed') return { next: 'rollback', ...causeOf(row) };
    if (row.state === 'paused') return { next: 'wait', ...causeOf(row) };
    if (row.state === 'pausing') {
      await endSessions(client, row.lock_key);
      await changeState(client, row, { verb: 'paused', to: 'paused', channel: 'service' });
      await failpoint('settle:before-commit');
      return { next: 'wait', ...causeOf(row) };
    }
    const { epoch } =
      row.state === 'queued'
        ? await changeState(client, row, { verb: 'started', to: 'running', channel: 'service' })
        : row;
    await failpoint('settle:before-commit');
    return { next: 'run', epoch, phase: row.phase };
  });
}

function causeOf(row: TaskRow): Cause {
  const { error, kind, options } = row;
  if (!error) return {};
  return { fault: placeOf(error), ...(kind === 'upload' && { maxRejects: shownLimit(options.max_rejects, row) }) };
}

/** The limit in rows; of a share, before the rows are counted, those that are rejected so far. */
function shownLimit(limit: number | string, { rows_total, rows_rejected }: TaskRow): number {
  const allowed = allowedRejects(limit, rows_total);
  return Number.isFinite(allowed) ? allowed : rows_rejected;
}

function rowsOf({ receipt }: TaskRow): { rows?: { loaded: number; rejected: number } } {
  return receipt ? { rows: { loaded: receipt.rows_loaded, rejected: receipt.rows_rejected } } : {};
}

/** Faults that a person can remedy. */
const ASKS: ReadonlySet<ErrorCode> = new Set(['disk_full', 'unclear_dialect']);

/**
 * Records what stopped a task. At the reject limit (unless `on_limit` is `rollback`), when the disk is full and when
 * the dialect is unclear it pauses and asks; at anything else it is rolled back and ends `failed`. An earlier command
 * takes precedence: the writers of a later epoch hit the same problem again if it persists.
 * @returns whether it was recorded; not when the epoch is over or the reject limit was changed
 */
export async function faultTask(
  pool: pg.Pool,
  taskId: string,
  epoch: number,
  { limit, ...fault }: Fault,
): Promise<boolean> {
  const task = await getTaskById(pool, taskId);
  const isRecorded = await closeFence(pool, task.lock_key, async (client) => {
    const row = await lockTask(client, taskId);
    if (row.state !== 'running' || row.epoch !== epoch) return false;
    // A resume may have raised the limit since the step read it: the next attempt reads the new one.
    if (limit !== undefined && limit !== asUpload(row).options.max_rejects) return false;
    const asks =
      ASKS.has(fault.code) || (fault.code === 'reject_limit' && asUpload(row).options.on_limit !== 'rollback');
    const change = asks
      ? ({ verb: 'suspended', to: 'pausing' } as const)
      : ({ verb: 'faulted', to: 'terminating', ending: 'failed' } as const);
    await changeState(client, row, { ...change, channel: 'service', reason: fault.code });
    await client.query('UPDATE long_task.tasks SET error = $2, pause_reasons = $3 WHERE id = $1', [
      taskId,
      JSON.stringify(fault),
      asks ? [fault.code] : [],
    ]);
    await failpoint('fault:before-commit');
    return true;
  });
  await failpoint('fault:after-commit');
  return isRecorded;
}
