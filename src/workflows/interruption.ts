import { ActivityFailure, ApplicationFailure, isCancellation, TimeoutFailure } from '@temporalio/workflow';
import type { TaskFault } from '../contract/task.js';
import type { TaskEnd } from './ending.js';

/** How a run of the steps ended: all done, stopped by a command, at a good place to continue as new, or by a fault. */
export type Outcome =
  | { ended: 'completed'; ending?: TaskEnd }
  | { ended: 'interrupted' | 'continue' }
  | { ended: 'fault'; fault: FailureDetails };

/** The fault in an activity's failure. An activity that has recorded it passes only code and place. */
export type FailureDetails = TaskFault & { recorded?: boolean };

/** A step was fenced: a command or another attempt has taken over. */
export class Interrupted extends Error {}

/** The steps stop here so that the workflow can continue as new. */
export class ContinueLater extends Error {}

/**
 * Returns the result of an activity that was not fenced.
 * @throws {Interrupted}
 */
export function unfenced<T extends { fenced: boolean }>(result: T): Extract<T, { fenced: false }> {
  if (result.fenced) throw new Interrupted();
  return result as Extract<T, { fenced: false }>;
}

/**
 * Reads what a run of the steps threw. An unknown error is a defect and fails the workflow task, so that it is seen and
 * fixed.
 */
export function outcomeOf(error: unknown, cancelled: boolean): Outcome {
  if (error instanceof ContinueLater) return { ended: 'continue' };
  if (error instanceof Interrupted || isCancellation(error)) return { ended: 'interrupted' };
  if (error instanceof ActivityFailure) {
    // A dead worker does not answer the cancel: its activity ends by the heartbeat timeout, which is an interruption
    // too.
    if (cancelled && error.cause instanceof TimeoutFailure) return { ended: 'interrupted' };
    if (error.cause instanceof ApplicationFailure) return outcomeOfFailure(error.cause, cancelled);
  }
  throw error;
}

function outcomeOfFailure(failure: ApplicationFailure, cancelled: boolean): Outcome {
  const fault = failure.details?.[0] as FailureDetails | undefined;
  if (failure.nonRetryable && fault?.code) return { ended: 'fault', fault };
  // The server does not retry once a cancel was requested.
  if (cancelled) return { ended: 'interrupted' };
  throw failure;
}
