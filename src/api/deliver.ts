import type { CommandSignalInput } from '../contract/messages.js';
import type { Action } from '../contract/states.js';
import { markDelivered, type TaskRow } from '../postgres/tasks.js';
import type { ApiContext } from './context.js';
import { WorkflowClosedError } from './temporal.js';

type Parts = Pick<ApiContext, 'pool' | 'temporal' | 'log'>;

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
export async function deliverOrThrow(
  { pool, temporal }: Omit<Parts, 'log'>,
  row: TaskRow,
  reason?: string,
): Promise<void> {
  if (row.undelivered === null) return;
  if (row.undelivered === 'start') {
    await startAnyhow(temporal, row);
  } else {
    const input: CommandSignalInput = { ...(reason !== undefined && { reason }), recorded: true };
    const signal = () => temporal.signalWorkflow(row, row.undelivered as Action, input);
    await signal().catch(async (error: unknown) => {
      if (!(error instanceof WorkflowClosedError)) throw error;
      // The command overtook the start, or the workflow has ended before its task.
      await startAnyhow(temporal, row);
      await signal();
    });
  }
  await markDelivered(pool, row);
}

/** A closed workflow of that id is not in the way: it belongs to a run before this one, or to a task that a restore has undone. */
async function startAnyhow(temporal: Parts['temporal'], row: TaskRow): Promise<void> {
  await temporal.startWorkflow(row).catch((error: unknown) => {
    if (!(error instanceof WorkflowClosedError)) throw error;
    return temporal.restartWorkflow(row);
  });
}
