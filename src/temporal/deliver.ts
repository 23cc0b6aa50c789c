import type { CommandSignalInput } from '../contract/messages.js';
import type { Action } from '../contract/states.js';
import { markDelivered, type TaskRow } from '../tasks/tasks.js';
import { startRun } from './start-run.js';
import { WorkflowClosedError } from './temporal.js';
import type { TemporalParts } from './temporal-parts.js';

type Parts = Pick<TemporalParts, 'pool' | 'temporal' | 'log'>;

/**
 * Tells the workflow what the task row says: that it starts, or that a command has come. What cannot be told now is told
 * later by the sweeper; several may tell it at once, since a start is idempotent and a recorded signal only says "look".
 * @returns whether it was told
 */
export async function deliver(parts: Parts, row: TaskRow, reason?: string): Promise<boolean> {
  try {
    await deliverOrThrow(parts, row, reason);
    return true;
  } catch (error) {
    parts.log.warn(
      { err: error, task: row.workflow_id, undelivered: row.undelivered },
      'not delivered to Temporal, to be tried again',
    );
    return false;
  }
}

/** @throws {TaskError} temporal_unavailable; {WorkflowClosedError} when the workflow ended in between */
export async function deliverOrThrow(parts: Omit<Parts, 'log'>, row: TaskRow, reason?: string): Promise<void> {
  if (row.undelivered === null) return;
  // A command may have overtaken the start: its signal would reach the run of the task that had the name before.
  if (row.undelivered === 'start' || !row.workflow_started) await startRun(parts, row);
  if (row.undelivered !== 'start') await signalRun(parts, row, reason);
  await markDelivered(parts.pool, row);
}

async function signalRun(parts: Omit<Parts, 'log'>, row: TaskRow, reason?: string): Promise<void> {
  const input: CommandSignalInput = { ...(reason !== undefined && { reason }), recorded: true };
  const signal = () => parts.temporal.signalWorkflow(row, row.undelivered as Action, input);
  await signal().catch(async (error: unknown) => {
    if (!(error instanceof WorkflowClosedError)) throw error;
    // The workflow has ended before its task.
    await startRun(parts, row);
    await signal();
  });
}
