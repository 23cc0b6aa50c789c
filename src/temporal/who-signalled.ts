import type { Client } from '@temporalio/client';
import type { ExternalCommand } from '../contract/messages.js';
import { commandOf } from './command-event.js';

/** The number of last events to read from a history: the command came a moment ago. */
const EVENTS = 200;
const CALL_MS = 2_000;

/**
 * Finds who sent commands to a workflow from outside: the identity that Temporal keeps with the signal or the cancel
 * request (`temporal-cli:ana@host`), null where it keeps none. Matches commands with events from the end of the history
 * and skips events that came later.
 * @param ownSignal as `WorkflowInput.ownSignal` of the run
 * @returns one per command, in their order
 */
export async function whoSignalled(
  client: Client,
  execution: { workflowId: string; runId: string },
  commands: ExternalCommand[],
  ownSignal: boolean,
): Promise<(string | null)[]> {
  const request = { namespace: client.options.namespace, execution, maximumPageSize: EVENTS };
  const { history } = await client.connection.withDeadline(Date.now() + CALL_MS, () =>
    client.workflowService.getWorkflowExecutionHistoryReverse(request),
  );
  const events = history?.events ?? [];
  let next = 0;
  const found = commands.toReversed().map((command) => {
    while (next < events.length) {
      const event = events[next++]!;
      if (Number(event.eventId) > (command.seen ?? 0)) continue;
      const brought = commandOf(event, ownSignal);
      if (brought?.action === command.action && brought.channel === command.channel) return brought.actor ?? null;
    }
    return null;
  });
  return found.toReversed();
}
