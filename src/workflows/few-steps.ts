import { patched } from '@temporalio/workflow';

/**
 * Returns whether control steps are local activities and the work of a small task is one activity. Histories of earlier
 * versions hold a regular activity for each step.
 */
export function takesFewSteps(): boolean {
  return patched('few-steps');
}
