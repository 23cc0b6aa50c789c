import { workflowInfo } from '@temporalio/workflow';
import { ContinueLater } from './interruption.js';

/**
 * Runs parts in order, at most `size` at once. When history has grown long no further part starts, and once the
 * running ones have ended the workflow can continue as new: no activity is then running.
 * @throws {ContinueLater} when parts remain; else the error of a failed part. Both after all running parts have ended
 */
export async function slidingWindow(
  parts: number[],
  size: number,
  work: (part: number) => Promise<void>,
): Promise<void> {
  const queue = [...parts];
  let failed = false;
  const lane = async () => {
    while (queue.length > 0 && !failed && !workflowInfo().continueAsNewSuggested) {
      await work(queue.shift()!).catch((error: unknown) => {
        failed = true;
        throw error;
      });
    }
  };
  const lanes = await Promise.allSettled(Array.from({ length: Math.min(size, parts.length) }, lane));
  for (const result of lanes) if (result.status === 'rejected') throw result.reason;
  if (queue.length > 0) throw new ContinueLater();
}
