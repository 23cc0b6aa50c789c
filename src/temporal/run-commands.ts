import type { Client } from '@temporalio/client';
import type { ExternalCommand, WorkflowInput } from '../contract/messages.js';
import type { TaskRow } from '../tasks/tasks.js';
import { argumentOf, commandKey, commandOf, type SignalledCommand } from './command-event.js';
import { taskOfStart } from './open-run.js';

/** A command that a run was sent, with its name: the one under which the run itself has applied it, where it came so far. */
export type RunCommand = SignalledCommand & { key: string };

type Events = NonNullable<Awaited<ReturnType<ReturnType<Client['workflow']['getHandle']>['fetchHistory']>>['events']>;

/**
 * All commands that a run of a workflow was sent from outside, in their order, those that were carried over from the run before
 * first. Which of them it has applied is not looked at: the names say it where they are brought again. Empty for a run of
 * another task.
 */
export async function listRunCommands(
  client: Client,
  { id, workflow_id }: Pick<TaskRow, 'id' | 'workflow_id'>,
  runId: string,
): Promise<RunCommand[]> {
  const { events } = await client.workflow.getHandle(workflow_id, runId).fetchHistory();
  if (taskOfStart(events?.[0]?.workflowExecutionStartedEventAttributes) !== id) return [];
  const names = appliedNames(events ?? [], runId);
  // A workflow applies its commands in the order in which they came.
  return sentCommands(events ?? []).map((command, i) => ({ ...command, key: names[i] ?? `${runId}/sent/${i}` }));
}

function sentCommands([start, ...events]: Events): SignalledCommand[] {
  const payload = start?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0];
  const input = argumentOf(payload) as WorkflowInput | undefined;
  const sent = events.flatMap((event) => commandOf(event, input?.ownSignal === true) ?? []);
  return [...(input?.carried?.commands ?? []), ...sent];
}

/** The names of the commands that the run has handed to an activity. */
function appliedNames(events: Events, runId: string): string[] {
  return events.flatMap((event) => {
    const { activityType, activityId, input } = event.activityTaskScheduledEventAttributes ?? {};
    if (activityType?.name !== 'applyCommands') return [];
    const { commands } = argumentOf(input?.payloads?.[0]) as { commands: ExternalCommand[] };
    return commands.map((_command, place) => commandKey(runId, activityId!, place));
  });
}
