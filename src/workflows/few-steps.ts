import { patched } from '@temporalio/workflow';

/**
 * Tells whether the task takes few steps: its control steps as local activities, its work in one activity where it is
 * small. Of workflows from before, the history holds an activity for each.
 */
export function takesFewSteps(): boolean {
  return patched('few-steps');
}
