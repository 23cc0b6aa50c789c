import { TaskError } from '../contract/errors.js';
import type { ExternalCommand, TaskRef } from '../contract/messages.js';
import type { TaskFault } from '../contract/task.js';
import { commandTask, faultTask, markRollbackFailed, type Next, settleTask } from '../postgres/commands.js';
import { getTaskById } from '../postgres/tasks.js';
import { type Dependencies, type Fenceable, perform } from './context.js';

/** The short activities by which a workflow and the task row keep in step. Each is idempotent. */
export function controlActivities({ pool, log }: Dependencies) {
  return {
    /** Records commands that reached the workflow first (signals, native cancel), in order, and so raises the fence. */
    async applyCommands({ taskId, commands }: TaskRef & { commands: ExternalCommand[] }): Promise<Fenceable<object>> {
      return perform(log, async () => {
        for (const command of commands) {
          const task = await getTaskById(pool, taskId);
          await commandTask(pool, task, command).catch((error: unknown) => {
            if (!(error instanceof TaskError) || error.code !== 'illegal_transition') throw error;
            log.info(
              { task: task.workflow_id, command: command.action, state: task.state },
              'ignored a command that is not legal here',
            );
          });
        }
        return {};
      });
    },

    /** Settles the task's state once its writers have ended, and says what is next. */
    async settle({ taskId }: TaskRef): Promise<Fenceable<Next>> {
      return perform(log, () => settleTask(pool, taskId));
    },

    /** Records what stopped the task: it pauses and asks, or is rolled back and fails. */
    async recordFault({ taskId, fault }: TaskRef & { fault: TaskFault }): Promise<Fenceable<object>> {
      return perform(log, async () => {
        await faultTask(pool, taskId, fault);
        return {};
      });
    },

    /** Records that the rollback could not finish yet. */
    async recordRollbackFailure({ taskId, detail }: TaskRef & { detail: string }): Promise<Fenceable<object>> {
      return perform(log, async () => {
        await markRollbackFailed(pool, taskId, detail);
        return {};
      });
    },
  };
}
