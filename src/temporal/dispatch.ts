import { isFinal } from '../contract/states.js';
import { listMessages, type Message, removeMessages } from '../tasks/outbox.js';
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
 * Sends a task's messages and removes them: a start, and one signal for all commands, however many requests wait with
 * theirs. To the workflow of an ended task it sends nothing.
 * @param messages all that the task has
 * @throws {TaskError} temporal_unavailable; {WorkflowClosedError} when the workflow ended in between
 */
export async function dispatchAll(parts: Parts, row: TaskRow, messages?: Message[]): Promise<void> {
  const all = messages ?? (await listMessages(parts.pool, row));
  if (all.length === 0) return;
  if (!isFinal(row.state)) {
    // A command may overtake its start: its signal would reach the run of the task that had the name before.
    if (all.some(({ kind }) => kind === 'start')) await startRun(parts, row);
    const command = commandOf(all);
    if (command) await signalRun(parts, row, command);
  }
  await removeMessages(parts.pool, all);
}

type CommandPayload = Extract<Message, { kind: 'command' }>['payload'];

/** The last command that stops the work, or else the last: the workflow reads the outcome of all in the task row. */
function commandOf(messages: Message[]): CommandPayload | undefined {
  const commands = messages.flatMap((message) => (message.kind === 'command' ? [message.payload] : []));
  return commands.findLast(({ action }) => action !== 'resume') ?? commands.at(-1);
}

async function signalRun(parts: Parts, row: TaskRow, payload: CommandPayload): Promise<void> {
  const signal = () => parts.temporal.signalWorkflow(row, payload);
  await signal().catch(async (error: unknown) => {
    if (!(error instanceof WorkflowClosedError)) throw error;
    // The workflow has ended before its task.
    await startRun(parts, row);
    await signal();
  });
}
