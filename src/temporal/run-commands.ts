import type { Client } from '@temporalio/client';
import type { ExternalCommand, WorkflowInput } from '../contract/messages.js';
import type { TaskRow } from '../tasks/tasks.js';
import { argumentOf, commandKey, commandOf, placeName, type SignalledCommand } from './command-event.js';
import { taskOfStart } from './open-run.js';

/**
 * A command that a run was sent, with its name: the one under which the run itself has applied it, where it came so
 * far.
 */
export type RunCommand = SignalledCommand & { key: string };

type Events = NonNullable<Awaited<ReturnType<ReturnType<Client['workflow']['getHandle']>['fetchHistory']>>['events']>;

/**
 * All commands that a run of a workflow was sent from outside, in their order, those that were carried over from the
 * run before first. Which of them it has applied is not looked at: the names say it where they are brought again. Empty
 * for a run of another task.
 */
export async function listRunCommands(
  client: Client,
  { id, workflow_id }: Pick<TaskRow, 'id' | 'workflow_id'>,
  runId: string,
): Promise<RunCommand[]> {
  const { events } = await client.workflow.getHandle(workflow_id, runId).fetchHistory();
  if (taskOfStart(events?.[0]?.workflowExecutionStartedEventAttributes) !== id) return [];
  const names = placeNames(events ?? []);
  // An older workflow, or this one while it was older, has applied its commands in the order in which they came.
  return sentCommands(events ?? []).map(({ name, ...command }, i) => ({
    ...command,
    key: commandKey(runId, names[i] ?? name),
  }));
}

/** The commands with the names that the workflow gives them. */
function sentCommands([start, ...events]: Events): (SignalledCommand & { name: string })[] {
  const payload = start?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0];
  const input = argumentOf(payload) as WorkflowInput | undefined;
  let signals = 0;
  const sent = events.flatMap((event) => {
    const command = commandOf(event, input?.ownSignal === true);
    if (!command) return [];
    return { ...command, name: command.channel === 'cancel' ? 'cancel' : `signal/${signals++}` };
  });
  return [...carriedCommands(input), ...sent];
}

function carriedCommands(input: WorkflowInput | undefined): (SignalledCommand & { name: string })[] {
  return (input?.carried?.commands ?? []).map((command, i) => ({ ...command, name: `carried/${i}` }));
}

/** The names of the commands that the run has handed to an activity without a name of their own. */
function placeNames(events: Events): string[] {
  return events.flatMap((event) => {
    const { activityType, activityId, input } = event.activityTaskScheduledEventAttributes ?? {};
    if (activityType?.name !== 'applyCommands') return [];
    const { commands } = argumentOf(input?.payloads?.[0]) as { commands: ExternalCommand[] };
    return commands.flatMap(({ name }, place) => (name === undefined ? placeName(activityId!, place) : []));
  });
}
