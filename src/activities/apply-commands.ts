import { Context } from '@temporalio/activity';
import type { ExternalCommand, TaskRef } from '../contract/messages.js';
import type { State } from '../contract/states.js';
import { commandFromOutside } from '../tasks/commands.js';
import { nameActor } from '../tasks/task-events.js';
import { getTaskById } from '../tasks/tasks.js';
import { commandKey, placeName } from '../temporal/command-event.js';
import { whoSignalled } from '../temporal/who-signalled.js';
import { CONTROL, type Dependencies, type Fenceable, perform } from './context.js';

type Needs = Pick<Dependencies, 'controlPool' | 'log'>;

/** The commands that a run has received, and `WorkflowInput.ownSignal` of the run. */
interface AppliedCommands extends TaskRef {
  commands: ExternalCommand[];
  ownSignal?: boolean;
}

/** Records commands that reached the workflow first (signals, native cancel), in order, and so raises the fence. */
export function applyCommandsActivity(needs: Needs) {
  return async (applied: AppliedCommands): Promise<Fenceable<{ state: State }>> =>
    perform(
      needs.log,
      async () => {
        const epochs = await applyAll(needs, applied);
        // After the fence is closed: a slow answer of Temporal must not delay a pause.
        if (epochs.some((epoch) => epoch !== null)) await nameActors(needs, applied, epochs);
        return { state: (await getTaskById(needs.controlPool, applied.taskId)).state };
      },
      CONTROL,
    );
}

/** Resolves to the epochs of the changes; null for each command that changed nothing. */
async function applyAll(needs: Needs, { taskId, commands }: AppliedCommands): Promise<(number | null)[]> {
  const epochs: (number | null)[] = [];
  const { workflowExecution, activityId } = Context.current().info;
  for (const [i, { name = placeName(activityId, i), ...command }] of commands.entries()) {
    const key = commandKey(workflowExecution!.runId, name);
    epochs.push(await apply(needs, taskId, command, key));
  }
  return epochs;
}

async function apply(
  { controlPool: pool, log }: Needs,
  taskId: string,
  command: ExternalCommand,
  key: string,
): Promise<number | null> {
  const task = await getTaskById(pool, taskId);
  const done = await commandFromOutside(pool, task, { ...command, key });
  if (done) return done.changed ? done.row.epoch : null;
  const { workflow_id, state } = task;
  log.info({ task: workflow_id, command: command.action, state }, 'ignored a command that is illegal here');
  return null;
}

/**
 * Records who sent the commands, as far as Temporal knows. Nothing depends on it, so its query has a short deadline
 * and a failure is only logged.
 */
async function nameActors(
  { controlPool: pool, log }: Needs,
  { taskId, commands, ownSignal = false }: AppliedCommands,
  epochs: (number | null)[],
): Promise<void> {
  const { client, info } = Context.current();
  try {
    const actors = await whoSignalled(client, info.workflowExecution!, commands, ownSignal);
    for (const [i, actor] of actors.entries()) {
      const epoch = epochs[i] ?? null;
      if (epoch !== null && actor !== null) await nameActor(pool, taskId, epoch, actor);
    }
  } catch (error) {
    log.info({ err: { message: (error as Error).message } }, 'the sender of a command is unknown');
  }
}
