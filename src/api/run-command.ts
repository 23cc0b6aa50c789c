import { setTimeout as sleep } from 'node:timers/promises';
import type { Action, State } from '../contract/states.js';
import { type Command, commandTask } from '../tasks/commands.js';
import type { TaskRow } from '../tasks/tasks.js';
import { tryDispatch } from '../temporal/dispatch.js';
import type { ApiContext } from './context.js';

/** The state in which each command is in effect. */
const IN_EFFECT: Record<Action, State> = { pause: 'paused', resume: 'running', terminate: 'terminated' };

/** How long an answer that says "under way" waits for Temporal to be notified. */
const NOTIFY_MS = 20;

/** The outcome of a command: whether it changed anything, and whether it is in effect or still under way. */
export interface CommandDone {
  row: TaskRow;
  changed: boolean;
  inEffect: boolean;
}

/**
 * Gives a task a command of the API. Closes the fence first: after that no row can commit, whether Temporal is
 * reachable or not. Then notifies the workflow; if that fails, the dispatcher does it later.
 * @throws {TaskError} illegal_transition
 */
export async function runCommand(
  context: ApiContext,
  task: TaskRow,
  command: Omit<Command, 'channel' | 'key'>,
): Promise<CommandDone> {
  const { action } = command;
  const stopClock = context.metrics.commands.startTimer({ action });
  const { row, changed } = await commandTask(context.commandPool, task, { ...command, channel: 'api' });
  stopClock();
  const notify = async () => (await isLifted(context, action, task)) && (await tryDispatch(context, row));
  const notified = changed ? notify() : true;
  const inEffect = row.state === IN_EFFECT[action] && (await notified);
  // The command is recorded: where Temporal is slow, the answer does not wait for it.
  if (!inEffect) await Promise.race([notified, sleep(NOTIFY_MS)]);
  return { row, changed, inEffect };
}

/** Unpauses the task natively, so that the command reaches it. If that fails, the dispatcher does it later. */
async function isLifted({ temporal, log }: ApiContext, action: Action, task: TaskRow): Promise<boolean> {
  if (action === 'pause' || task.native_pause === null) return true;
  try {
    await temporal.unpauseNatively(task);
    return true;
  } catch (error) {
    log.warn({ err: error, task: task.workflow_id }, 'could not unpause the workflow; the dispatcher will retry');
    return false;
  }
}
