import type pg from 'pg';
import {
  type Action,
  type Channel,
  type Ending,
  isFinal,
  isTransition,
  PHASES,
  type State,
  type Verb,
} from '../contract/states.js';
import { writeMessage } from './outbox.js';
import { queryPrepared } from './prepared.js';
import { percentDone, sumParts } from './progress.js';
import { getTaskById, type NativePause, type TaskRow } from './tasks.js';

/** Returns the task row, locked until the transaction ends. */
export async function lockTask(client: pg.ClientBase, taskId: string): Promise<TaskRow> {
  // FOR UPDATE waits for the holder of the lock and then reads what that committed.
  const { rows } = await client.query<TaskRow>('SELECT * FROM long_task.tasks WHERE id = $1 FOR UPDATE', [taskId]);
  return rows[0] ?? getTaskById(client, taskId);
}

/** SQL: the clocks of the phases, the present one advanced from its start or the last change of state until now. */
const PHASE_SECONDS_NOW = `phase_seconds || jsonb_build_object(phase,
         coalesce((phase_seconds ->> phase)::float8, 0) + greatest(0, extract(epoch FROM clock_timestamp() - greatest(phase_since, state_since))))`;

/** A change of state, as it is recorded: what happened, where it led, who caused it and why. */
export interface Change {
  verb: Verb;
  to: State;
  channel: Channel;
  actor?: string;
  reason?: string;
  /** With a change to `terminating`: how the rollback will end. The first ending is kept. */
  ending?: Ending;
  /** The command that the workflow must be notified of: written into the outbox. */
  notify?: Action;
  /** With a pause by Temporal's own controls: what an operator paused there. */
  nativePause?: NativePause;
}

/**
 * Changes a task's state; no other code does. Updates version and clocks (active, paused, by phase) and appends the
 * event. Raises the epoch except for `paused` and `rollback_failed`; a final state raises it so that a frozen worker
 * cannot start the task again. A resume clears the fault and the reason for the pause; a terminate keeps them.
 * @throws Error when the state machine has no such transition: a defect, never the caller's fault
 */
export async function changeState(client: pg.ClientBase, row: TaskRow, change: Change): Promise<TaskRow> {
  const { verb, to } = change;
  if (!isTransition(row.state, verb, to)) throw new Error(`no transition ${row.state} -> ${verb} -> ${to}`);
  const reached = to === 'terminating' ? percentDone(row, await sumParts(client, row.id)) : 0;
  const [changed] = await queryPrepared<TaskRow>(client, {
    name: 'change state',
    text: `WITH changed AS (UPDATE long_task.tasks SET
       state = $2,
       progress_reached = greatest(progress_reached, $5),
       epoch = epoch + (CASE WHEN $2 IN ('running', 'pausing', 'terminating') OR $4 THEN 1 ELSE 0 END),
       version = version + 1,
       active_seconds = active_seconds + CASE WHEN state IN ('running', 'pausing') THEN greatest(0, extract(epoch FROM clock_timestamp() - state_since)) ELSE 0 END,
       paused_seconds = paused_seconds + CASE WHEN state = 'paused' THEN greatest(0, extract(epoch FROM clock_timestamp() - state_since)) ELSE 0 END,
       phase_seconds = CASE WHEN phase IS NULL OR state NOT IN ('running', 'pausing') THEN phase_seconds ELSE ${PHASE_SECONDS_NOW} END,
       pause_reasons = CASE WHEN $2 = 'running' THEN '{}' WHEN $2 = 'pausing' AND $3::text IS NOT NULL THEN ARRAY[$3] ELSE pause_reasons END,
       native_pause = CASE WHEN $2 = 'pausing' THEN $7 WHEN $2 = 'paused' THEN native_pause END,
       ending = coalesce(ending, $6),
       error = CASE WHEN $2 = 'running' THEN NULL ELSE error END,
       state_since = clock_timestamp(), updated_at = clock_timestamp(),
       finished_at = CASE WHEN $4 THEN clock_timestamp() END
     WHERE id = $1 RETURNING *
     ), event AS (
       INSERT INTO long_task.task_events (task_id, channel, actor, action, reason, from_state, to_state, epoch)
       SELECT id, $8, $9, $10, $11, $12, $2, epoch FROM changed
     ) SELECT * FROM changed`,
    values: [
      row.id,
      to,
      change.channel === 'service' ? null : (change.reason ?? 'requested'),
      isFinal(to),
      reached,
      change.ending ?? null,
      change.nativePause ?? null,
      change.channel,
      change.actor ?? null,
      verb,
      change.reason ?? null,
      row.state,
    ],
  });
  if (change.notify) {
    const payload = { action: change.notify, ...(change.reason !== undefined && { reason: change.reason }) };
    await writeMessage(client, row.id, { kind: 'command', payload });
  }
  return changed!;
}

/**
 * Enters a phase and stores the clock of the previous one. Changes nothing when the task is in this phase or a later
 * one. The caller is inside the fence.
 */
export async function enterPhase(client: pg.ClientBase, taskId: string, phase: TaskRow['phase']): Promise<void> {
  await queryPrepared(client, {
    name: 'enter phase',
    text: `UPDATE long_task.tasks SET
       phase_seconds = CASE WHEN phase IS NULL THEN phase_seconds ELSE ${PHASE_SECONDS_NOW} END,
       phase = $2, phase_since = clock_timestamp(), version = version + 1, updated_at = clock_timestamp()
     WHERE id = $1 AND coalesce(array_position($3::text[], phase), 0) < array_position($3::text[], $2)`,
    values: [taskId, phase, PHASES],
  });
}
