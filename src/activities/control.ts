import { Context } from '@temporalio/activity';
import type { RunRef, TaskRef } from '../contract/messages.js';
import type { TaskFault } from '../contract/task.js';
import { faultTask, type Next, settleTask } from '../tasks/commands.js';
import { markRollbackFailed } from '../tasks/endings.js';
import { applyCommandsActivity } from './apply-commands.js';
import { CONTROL, type Dependencies, type Fenceable, perform } from './context.js';

type Needs = Pick<Dependencies, 'controlPool' | 'log'>;

/** The short activities by which a workflow and the task row keep in step. Each is idempotent. */
export function controlActivities(needs: Needs) {
  return {
    applyCommands: applyCommandsActivity(needs),
    settle: settleActivity(needs),
    recordFault: recordFaultActivity(needs),
    requestCancel: requestCancelActivity(needs),
    recordRollbackFailure: recordRollbackFailureActivity(needs),
  };
}

/** Settles the task's state once its writers have ended, and says what is next. */
function settleActivity({ controlPool, log }: Needs) {
  return async ({ taskId }: TaskRef): Promise<Fenceable<Next>> =>
    perform(log, () => settleTask(controlPool, taskId), CONTROL);
}

/** Records what stopped the writers of an epoch, for an activity of an older worker, which does not do so itself. */
function recordFaultActivity({ controlPool, log }: Needs) {
  return async ({ taskId, epoch, fault }: RunRef & { fault: TaskFault }): Promise<Fenceable<object>> =>
    perform(
      log,
      async () => {
        await faultTask(controlPool, taskId, epoch, fault);
        return {};
      },
      CONTROL,
    );
}

/** Requests the cancel of the workflow that runs it, so that it can end as Canceled. */
function requestCancelActivity({ log }: Needs) {
  return async (): Promise<Fenceable<object>> =>
    perform(
      log,
      async () => {
        const { client, info } = Context.current();
        const { workflowId, runId } = info.workflowExecution!;
        await client.workflow.getHandle(workflowId, runId).cancel();
        return {};
      },
      CONTROL,
    );
}

/** Records that the rollback could not finish yet. */
function recordRollbackFailureActivity({ controlPool, log }: Needs) {
  return async ({ taskId, detail }: TaskRef & { detail: string }): Promise<Fenceable<object>> =>
    perform(
      log,
      async () => {
        await markRollbackFailed(controlPool, taskId, detail);
        return {};
      },
      CONTROL,
    );
}
