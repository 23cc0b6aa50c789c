import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import type { TaskRow } from '../tasks/tasks.js';
import { taskOfRun } from './open-run.js';

/** What Temporal says of a task's workflow. */
export type WorkflowStatus =
  /** `attempts`: how often its next step was tried, 1 unless it fails. */
  | { is: 'running'; runId: string; pausedActivities: string[]; attempts: number }
  /** Paused as a whole, natively: no workflow code runs, queries are refused, signals wait. */
  | { is: 'paused' }
  /** Ended natively: no workflow code has run since. */
  | { is: 'terminated'; runId: string; by?: string; reason?: string }
  | { is: 'closed' }
  /** Unknown to Temporal: never started, past its retention, or lost with Temporal's database. */
  | { is: 'unknown' };

/** Describes a workflow. The calls run within the caller's deadline. */
export async function describeWorkflow(
  client: Client,
  { id, workflow_id: workflowId }: Pick<TaskRow, 'id' | 'workflow_id'>,
): Promise<WorkflowStatus> {
  try {
    const { status, raw, runId } = await client.workflow.getHandle(workflowId).describe();
    switch (status.name) {
      case 'RUNNING':
        return {
          is: 'running',
          runId,
          pausedActivities: pausedActivities(raw.pendingActivities),
          attempts: raw.pendingWorkflowTask?.attempt ?? 1,
        };
      case 'PAUSED':
        return { is: 'paused' };
      case 'TERMINATED':
        // The end of a run that belonged to another task of this name says nothing of this task.
        if ((await taskOfRun(client, { workflowId, runId })) !== id) return { is: 'closed' };
        return terminatedBy(client, { workflowId, runId });
      default:
        return { is: 'closed' };
    }
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return { is: 'unknown' };
    throw error;
  }
}

function pausedActivities(
  pending: { paused?: boolean | null; activityId?: string | null }[] | null | undefined,
): string[] {
  return (pending ?? []).filter(({ paused }) => paused).map(({ activityId }) => activityId ?? '');
}

/**
 * Reads from the last event of its history who terminated the run, and why. Without that event the run counts as
 * closed, since an operator cannot be assumed.
 */
async function terminatedBy(client: Client, execution: { workflowId: string; runId: string }): Promise<WorkflowStatus> {
  const { history } = await client.workflowService.getWorkflowExecutionHistoryReverse({
    namespace: client.options.namespace,
    execution,
    maximumPageSize: 1,
  });
  const event = history?.events?.[0]?.workflowExecutionTerminatedEventAttributes;
  if (!event) return { is: 'closed' };
  return {
    is: 'terminated',
    runId: execution.runId,
    by: event.identity || undefined,
    reason: event.reason || undefined,
  };
}

/** Unpauses the workflow, or each of its activities, where Temporal itself has paused them. */
export async function unpauseNatively(client: Client, row: Pick<TaskRow, 'id' | 'workflow_id'>): Promise<void> {
  const { workflow_id: workflowId } = row;
  const namespace = client.options.namespace;
  const status = await describeWorkflow(client, row);
  const reason = 'resumed by Long-Task';
  if (status.is === 'paused') await client.workflowService.unpauseWorkflowExecution({ namespace, workflowId, reason });
  if (status.is !== 'running') return;
  for (const id of status.pausedActivities) {
    await client.workflowService.unpauseActivity({ namespace, execution: { workflowId }, id });
  }
}
