import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { readCommand } from '../contract/command-input.js';
import type { ExternalCommand } from '../contract/messages.js';
import { ACTIONS, type Action } from '../contract/states.js';

/** The fields of a workflow history's event that concern commands (temporal.api.history.v1.HistoryEvent). */
export interface HistoryEvent {
  workflowExecutionSignaledEventAttributes?: {
    signalName?: string | null;
    identity?: string | null;
    input?: { payloads?: Payload[] | null } | null;
  } | null;
  workflowExecutionCancelRequestedEventAttributes?: { identity?: string | null } | null;
}

/** A command from outside, with the identity of its sender that Temporal keeps (`temporal-cli:ana@host`). */
export type SignalledCommand = Pick<ExternalCommand, 'action' | 'channel' | 'reason' | 'maxRejects'> & {
  actor?: string;
};

/**
 * Returns the command that an event brought from outside; null for any other event.
 * @param ownSignal whether the service notifies the run by a signal of its own (`WorkflowInput.ownSignal`)
 */
export function commandOf(event: HistoryEvent, ownSignal: boolean): SignalledCommand | null {
  const cancel = event.workflowExecutionCancelRequestedEventAttributes;
  if (cancel)
    return { action: 'terminate', channel: 'cancel', reason: 'cancelled', actor: cancel.identity || undefined };
  const signal = event.workflowExecutionSignaledEventAttributes;
  if (!signal || !ACTIONS.includes(signal.signalName as Action)) return null;
  const { reason, maxRejects, recorded } = readCommand(argumentOf(signal.input?.payloads?.[0]));
  // An earlier version's own signal: the task row already has its command.
  if (recorded && !ownSignal) return null;
  const action = signal.signalName as Action;
  return {
    action,
    channel: 'signal',
    reason,
    ...(action === 'resume' && maxRejects !== undefined && { maxRejects }),
    actor: signal.identity || undefined,
  };
}

/** Decodes the argument of a signal, a workflow or an activity; undefined when it is missing or unreadable. */
export function argumentOf(payload: Payload | null | undefined): unknown {
  try {
    return payload ? defaultPayloadConverter.fromPayload(payload) : undefined;
  } catch {
    return undefined; // Encoded by a codec that we do not have.
  }
}

/** Returns the key of a command, the same for every delivery by its run. */
export function commandKey(runId: string, name: string): string {
  return `${runId}/${name}`;
}

/** Returns a name for a command of an older workflow, which gives none: the same in every attempt of the activity. */
export function placeName(activityId: string, place: number): string {
  return `${activityId}/${place}`;
}
