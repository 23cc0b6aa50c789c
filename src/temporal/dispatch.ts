import { isFinal } from '../contract/states.js';
import { isStartPending, listMessages, type Message, removeMessage } from '../tasks/outbox.js';
import type { TaskRow } from '../tasks/tasks.js';
import { startRun } from './start-run.js';
import { WorkflowClosedError } from './temporal.js';
import type { TemporalParts } from './temporal-parts.js';

type Parts = Pick<TemporalParts, 'pool' | 'temporal'>;

/**
 * Sends a task's messages right after the commit that wrote them. If that fails, the dispatcher sends them later.
 * Several processes may send the same message: a start is idempotent, and the signal only says "look at the task row".
 * @returns whether all were sent
 */
export async function tryDispatch(parts: TemporalParts, row: TaskRow): Promise<boolean> {
  try {
    await dispatchAll(parts, row);
    return true;
  } catch (error) {
    parts.log.warn(
      { err: error, task: row.workflow_id },
      'could not send messages to Temporal; the dispatcher will retry',
    );
    return false;
  }
}

/**
 * Sends a task's messages in their order.
 * @throws {TaskError} temporal_unavailable; {WorkflowClosedError} when the workflow ended in between
 */
export async function dispatchAll(parts: Parts, row: TaskRow): Promise<void> {
  for (const message of await listMessages(parts.pool, row)) await dispatchMessage(parts, row, message);
}

/**
 * Sends one message and removes it. A message to the workflow of an ended task is only removed.
 * @throws {TaskError} temporal_unavailable; {WorkflowClosedError} when the workflow ended in between
 */
export async function dispatchMessage(parts: Parts, row: TaskRow, message: Message): Promise<void> {
  if (!isFinal(row.state)) {
    // A command may overtake its start: its signal would reach the run of the task that had the name before.
    if (message.kind === 'start' || (await isStartPending(parts.pool, row.id))) await startRun(parts, row);
    if (message.kind === 'command') await signalRun(parts, row, message.payload);
  }
  await removeMessage(parts.pool, message);
}

type CommandPayload = Extract<Message, { kind: 'command' }>['payload'];

async function signalRun(parts: Parts, row: TaskRow, payload: CommandPayload): Promise<void> {
  const signal = () => parts.temporal.signalWorkflow(row, payload);
  await signal().catch(async (error: unknown) => {
    if (!(error instanceof WorkflowClosedError)) throw error;
    // The workflow has ended before its task.
    await startRun(parts, row);
    await signal();
  });
}
