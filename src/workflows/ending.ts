import { ApplicationFailure, CancelledFailure, condition, patched } from '@temporalio/workflow';
import { describePlace, type FaultPlace } from '../contract/fault-place.js';
import type { State } from '../contract/states.js';
import { control } from './activities.js';
import { hasFewStepsPatch } from './few-steps-patch.js';

/** How a task ended: the result of its workflow. */
export interface TaskEnd {
  state: State;
  /** Of a failed task: why. */
  fault?: FaultPlace;
  /** Of a completed task. */
  rows?: { loaded: number; rejected: number };
  /** Tidying is done. */
  isTidy?: boolean;
}

/** Before this patch a workflow ended as Completed even when its task had failed. */
const PATCH = 'ends-as-its-task';

/**
 * Ends the workflow as its task has ended: Completed, Failed with the code of the fault, or Canceled.
 * @param isCancelled whether a cancel of this run was requested
 * @throws {ApplicationFailure} of a failed task; {CancelledFailure} of a terminated one
 */
export async function endAs({ state, fault, rows }: TaskEnd, isCancelled: () => boolean): Promise<TaskEnd> {
  if (state === 'completed') return { state, ...(rows && { rows }) };
  if (!hasFewStepsPatch() && !patched(PATCH)) return endAsBefore(state, isCancelled());
  if (state === 'failed') {
    const place = fault ? describePlace(fault) : 'failed';
    throw ApplicationFailure.create({
      type: fault?.code ?? 'failed',
      message: `${place}; rolled back, nothing of the task is left`,
      nonRetryable: true,
      ...(fault && { details: [fault] }),
    });
  }
  // The SDK ends a workflow as Canceled only when its cancel was requested: natively, or here.
  if (!isCancelled()) await control.requestCancel.executeWithOptions({ summary: 'End as Canceled' }, []);
  await condition(isCancelled);
  throw new CancelledFailure('terminated and rolled back');
}

function endAsBefore(state: State, isCancelled: boolean): TaskEnd {
  if (state === 'terminated' && isCancelled) throw new CancelledFailure('Terminated and rolled back on cancel');
  return { state };
}
