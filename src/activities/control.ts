import { Context } from '@temporalio/activity';
import type { ExternalCommand, RunRef, TaskRef } from '../contract/messages.js';
import type { State } from '../contract/states.js';
import type { TaskFault } from '../contract/task.js';
import { commandFromOutside, faultTask, type Next, settleTask } from '../tasks/commands.js';
import { markRollbackFailed } from '../tasks/endings.js';
import { nameActor } from '../tasks/task-events.js';
import { getTaskById } from '../tasks/tasks.js';
import { commandKey, placeName } from '../temporal/command-event.js';
import { whoSignalled } from '../temporal/who-signalled.js';
import { CONTROL, type Dependencies, type Fenceable, perform } from './context.js';

/** The commands that a run has received, and `WorkflowInput.ownSignal` of the run. */
interface AppliedCommands extends TaskRef {
  commands: ExternalCommand[];
  ownSignal?: boolean;
}

/** The short activities by which a workflow and the task row keep in step. Each is idempotent. */
export function controlActivities({ controlPool: pool, log }: Dependencies) {
  /** Resolves to the epoch of the change; null when the command changed nothing. */
  async function applyCommand(taskId: string, command: ExternalCommand, key: string): Promise<number | null> {
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

  return {
    /** Records commands that reached the workflow first (signals, native cancel), in order, and so raises the fence. */
    async applyCommands(applied: AppliedCommands): Promise<Fenceable<{ state: State }>> {
      return perform(
        log,
        async () => {
          const { taskId, commands } = applied;
          const epochs: (number | null)[] = [];
          const { workflowExecution, activityId } = Context.current().info;
          for (const [i, { name = placeName(activityId, i), ...command }] of commands.entries()) {
            const key = commandKey(workflowExecution!.runId, name);
            epochs.push(await applyCommand(taskId, command, key));
          }
          // After the fence is closed: a slow answer of Temporal must not delay a pause.
          if (epochs.some((epoch) => epoch !== null)) await nameActors(applied, epochs);
          return { state: (await getTaskById(pool, taskId)).state };
        },
        CONTROL,
      );
    },

    /** Settles the task's state once its writers have ended, and says what is next. */
    async settle({ taskId }: TaskRef): Promise<Fenceable<Next>> {
      return perform(log, () => settleTask(pool, taskId), CONTROL);
    },

    /**
     * Records what stopped the writers of an epoch, for an activity of an older worker, which does not do so itself.
     */
    async recordFault({ taskId, epoch, fault }: RunRef & { fault: TaskFault }): Promise<Fenceable<object>> {
      return perform(
        log,
        async () => {
          await faultTask(pool, taskId, epoch, fault);
          return {};
        },
        CONTROL,
      );
    },

    /** Requests the cancel of the workflow that runs it, so that it can end as Canceled. */
    async requestCancel(): Promise<Fenceable<object>> {
      return perform(
        log,
        async () => {
          const { client, info } = Context.current();
          const { workflowId, runId } = info.workflowExecution!;
          await client.workflow.getHandle(workflowId, runId).cancel();
          return {};
        },
        CONTROL,
      );
    },

    /** Records that the rollback could not finish yet. */
    async recordRollbackFailure({ taskId, detail }: TaskRef & { detail: string }): Promise<Fenceable<object>> {
      return perform(
        log,
        async () => {
          await markRollbackFailed(pool, taskId, detail);
          return {};
        },
        CONTROL,
      );
    },
  };
}
