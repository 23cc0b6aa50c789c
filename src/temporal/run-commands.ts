import type { Client } from '@temporalio/client';
import type { ExternalCommand, WorkflowInput } from '../contract/messages.js';
import type { TaskRow } from '../tasks/tasks.js';
import { argumentOf, commandKey, commandOf, placeName, type SignalledCommand } from './command-event.js';
import { taskOfStart } from './open-run.js';

/**
 * A command that a run received, with the key under which the run itself applies it.
 */
export type RunCommand = SignalledCommand & { key: string };

type Events = NonNullable<Awaited<ReturnType<ReturnType<Client['workflow']['getHandle']>['fetchHistory']>>['events']>;

/**
 * Lists all commands that a run received from outside, in order; those carried over from the previous run come first.
 * Includes commands that the run has applied, since their keys prevent a second application. Empty for a run of another
 * task.
 */
export async function listRunCommands(
  client: Client,
  { id, workflow_id }: Pick<TaskRow, 'id' | 'workflow_id'>,
  runId: string,
): Promise<RunCommand[]> {
  const { events } = await client.workflow.getHandle(workflow_id, runId).fetchHistory();
  if (taskOfStart(events?.[0]?.workflowExecutionStartedEventAttributes) !== id) return [];
  const names = placeNames(events ?? []);
  // An older version of the workflow applied its commands, without names, in the order in which they came.
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

/** Returns names for the commands that the run passed to an activity without a name. */
function placeNames(events: Events): string[] {
  return events.flatMap((event) => {
    const { activityType, activityId, input } = event.activityTaskScheduledEventAttributes ?? {};
    if (activityType?.name !== 'applyCommands') return [];
    const { commands } = argumentOf(input?.payloads?.[0]) as { commands: ExternalCommand[] };
    return commands.flatMap(({ name }, place) => (name === undefined ? placeName(activityId!, place) : []));
  });
}
