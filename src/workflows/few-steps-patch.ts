import { patched } from '@temporalio/workflow';

/**
 * Returns whether the workflow follows the patch `few-steps`, by which control steps are local activities and the work
 * of a small task is one activity. It is a version gate, true also for a large task. False only while the workflow
 * replays what an earlier version did, with a regular activity for each step, and must give the same commands again.
 * True implies every patch before this one.
 *
 * The name is a marker in stored histories and never changes. The branches for false may go once no history without the
 * marker must be replayed.
 */
export function hasFewStepsPatch(): boolean {
  return patched('few-steps');
}
