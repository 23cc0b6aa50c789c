import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { readCommand } from '../contract/command-input.js';
import type { ExternalCommand } from '../contract/messages.js';
import { ACTIONS, type Action } from '../contract/states.js';

/** An event of a workflow's history, as far as commands are concerned (temporal.api.history.v1.HistoryEvent). */
export interface HistoryEvent {
  workflowExecutionSignaledEventAttributes?: {
    signalName?: string | null;
    identity?: string | null;
    input?: { payloads?: Payload[] | null } | null;
  } | null;
  workflowExecutionCancelRequestedEventAttributes?: { identity?: string | null } | null;
}

/** A command from outside, and by whom: the identity that Temporal keeps with it (`temporal-cli:ana@host`). */
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
  // An earlier version's own signals: what they tell of is written down already.
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

/** The argument of a signal, a workflow or an activity; undefined when there is none or it cannot be read. */
export function argumentOf(payload: Payload | null | undefined): unknown {
  try {
    return payload ? defaultPayloadConverter.fromPayload(payload) : undefined;
  } catch {
    return undefined; // Encoded by a codec that we do not have.
  }
}

/** The key of a command: the same however often its run brings it, and by which activity. */
export function commandKey(runId: string, name: string): string {
  return `${runId}/${name}`;
}

/** The name of a command of an older workflow, which gives it none: the same in every attempt of its activity. */
export function placeName(activityId: string, place: number): string {
  return `${activityId}/${place}`;
}
