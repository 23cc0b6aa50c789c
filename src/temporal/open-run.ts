import type { Client } from '@temporalio/client';
import type { WorkflowInput } from '../contract/messages.js';
import { argumentOf } from './command-event.js';

/** A run of a workflow, and the task that it was started for: undefined when its argument names none. */
export interface Run {
  runId: string;
  taskId?: string;
}

/** The open run of a workflow id; null when there is none. */
export async function openRun(client: Client, workflowId: string): Promise<Run | null> {
  const { status, runId } = await client.workflow.getHandle(workflowId).describe();
  if (status.name !== 'RUNNING' && status.name !== 'PAUSED') return null;
  return { runId, taskId: await taskOfRun(client, { workflowId, runId }) };
}

/** Reads the task of a run from the argument with which the run was started: the first event of its history. */
export async function taskOfRun(
  client: Client,
  execution: { workflowId: string; runId: string },
): Promise<string | undefined> {
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace: client.options.namespace,
    execution,
    maximumPageSize: 1,
  });
  return taskOfStart(history?.events?.[0]?.workflowExecutionStartedEventAttributes);
}

/** The event that starts a run (temporal.api.history.v1.WorkflowExecutionStartedEventAttributes). */
type Started = { input?: { payloads?: Parameters<typeof argumentOf>[0][] | null } | null };

/** The task that a run was started for, as its first event says it. */
export function taskOfStart(started: Started | null | undefined): string | undefined {
  const taskId = (argumentOf(started?.input?.payloads?.[0]) as Partial<WorkflowInput> | null | undefined)?.taskId;
  return typeof taskId === 'string' ? taskId : undefined;
}
