import { WorkflowIdConflictPolicy } from '@temporalio/client';
import { cutToBytes } from '../contract/cut-to-bytes.js';
import type { WorkflowInput } from '../contract/messages.js';
import { KIND_ATTRIBUTE, NAME_ATTRIBUTE, STATE_ATTRIBUTE, USER_ATTRIBUTE } from '../contract/search-attributes.js';
import type { TaskRow } from '../tasks/tasks.js';

/** Which search attributes a start carries: a server refuses those that it does not know. */
export type Attributes = 'all' | 'without state' | 'none';

/** Returns how the workflow of a task is started. */
export function startOptions(row: TaskRow, taskQueue: string, attributes: Attributes) {
  const input: WorkflowInput = { taskId: row.id, kind: row.kind, ownSignal: true };
  return {
    workflowId: row.workflow_id,
    taskQueue,
    args: [input],
    // How long the server waits for a workflow task of a killed worker (default 10 s). A task takes milliseconds.
    workflowTaskTimeout: '3s' as const,
    workflowIdConflictPolicy: WorkflowIdConflictPolicy.FAIL,
    // Names of user and task only: the file's name, like all that is in it, stays in PostgreSQL.
    staticSummary: cutToBytes(`${row.kind} ${row.task_name} of ${row.user_id}`, 200),
    staticDetails: `Task **${row.task_name}** of user **${row.user_id}**. Control it by the signals \`pause\`, \`resume\` and \`terminate\`.`,
    priority: { fairnessKey: cutToBytes(row.user_id, 64) },
    ...(attributes !== 'none' && {
      typedSearchAttributes: [
        { key: USER_ATTRIBUTE, value: row.user_id },
        { key: KIND_ATTRIBUTE, value: row.kind },
        { key: NAME_ATTRIBUTE, value: row.task_name },
        // The workflow keeps it true only where the start carried it.
        ...(attributes === 'all' ? [{ key: STATE_ATTRIBUTE, value: row.state }] : []),
      ],
    }),
  };
}

/**
 * Returns whether a server refused a start because it does not know a search attribute. They only help to find the
 * workflow in the Web UI.
 */
export function isUnknownAttribute(error: unknown): boolean {
  const { cause } = error as { cause?: { code?: number; details?: string } };
  return cause?.code === 3 && /search attribute/i.test(cause.details ?? '');
}
