import type { Client } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import type { CommandSignalInput, ExternalCommand } from '../contract/messages.js';

/** The last events of a history are asked for, and no more: the command came a moment ago. */
const EVENTS = 200;
const CALL_MS = 2_000;

/**
 * By whom commands came that reached a workflow from outside: the identity that Temporal keeps with the signal or the cancel
 * request (`temporal-cli:ana@host`), null where it keeps none. Commands are matched with the events backwards, so that
 * those which came later do not count.
 * @returns one per command, in their order
 */
export async function whoSignalled(
  client: Client,
  execution: { workflowId: string; runId: string },
  commands: ExternalCommand[],
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
      if (Number(event.eventId) <= (command.seen ?? 0) && isOf(command, event)) return identityOf(event);
    }
    return null;
  });
  return found.toReversed();
}

type Event = NonNullable<
  NonNullable<Awaited<ReturnType<Client['workflowService']['getWorkflowExecutionHistoryReverse']>>['history']>['events']
>[number];

function isOf({ action, channel }: ExternalCommand, event: Event): boolean {
  if (channel === 'cancel') return Boolean(event.workflowExecutionCancelRequestedEventAttributes);
  const signal = event.workflowExecutionSignaledEventAttributes;
  return signal?.signalName === action && !isRecorded(signal.input?.payloads?.[0]);
}

/** The API's own signals only say "look": what they are about is written down already. */
function isRecorded(payload: Parameters<typeof defaultPayloadConverter.fromPayload>[0] | undefined): boolean {
  try {
    return payload ? defaultPayloadConverter.fromPayload<CommandSignalInput | null>(payload)?.recorded === true : false;
  } catch {
    return false; // Somebody's own encoding: not ours.
  }
}

function identityOf(event: Event): string | null {
  const { workflowExecutionCancelRequestedEventAttributes: cancel, workflowExecutionSignaledEventAttributes: signal } =
    event;
  return (cancel ?? signal)?.identity || null;
}
