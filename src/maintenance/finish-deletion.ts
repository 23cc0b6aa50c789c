import { failpoint } from '../failpoint.js';
import { resultPrefix } from '../storage/keys.js';
import { claimDeletions, type Deletion, dropLeftTables, forgetDeletion } from '../tables/deletions.js';
import type { MaintenanceParts } from './maintenance-parts.js';

type Parts = Pick<MaintenanceParts, 'pool' | 'store' | 'log'>;

/**
 * Removes the leftovers of deleted tasks, and forgets each deletion once nothing of its task remains. The sweeper
 * retries those that fail.
 * @returns whether everything is gone
 */
export async function finishDeletions(parts: Parts, deletions: Deletion[]): Promise<boolean> {
  let isGone = true;
  for (const deletion of deletions) isGone = (await isFinished(parts, deletion)) && isGone;
  return isGone;
}

async function isFinished(parts: Parts, deletion: Deletion): Promise<boolean> {
  try {
    await removeLeft(parts, deletion);
    return true;
  } catch (error) {
    parts.log.warn(
      { err: error, task: deletion.workflow_id },
      'could not remove leftovers of a deleted task; the sweeper will retry',
    );
    return false;
  }
}

/** Files first. Each step may have been done before. */
async function removeLeft({ pool, store }: Parts, deletion: Deletion): Promise<void> {
  if (deletion.source_key !== null) await store.remove(deletion.source_key);
  await store.removeAll(resultPrefix(deletion.task_id));
  await failpoint('delete:after-files');
  await dropLeftTables(pool, deletion);
  await failpoint('delete:after-drop');
  await forgetDeletion(pool, deletion);
  await failpoint('delete:after-forget');
}

const PAGE = 50;

/** Completes the deletions of killed APIs, and retries to drop tables that were in use. */
export async function sweepDeletions(parts: Parts, signal?: AbortSignal): Promise<void> {
  for (;;) {
    const due = await claimDeletions(parts.pool, PAGE);
    for (const deletion of due) {
      if (signal?.aborted) return;
      const isGone = await finishDeletions(parts, [deletion]);
      if (isGone) parts.log.info({ task: deletion.workflow_id }, 'removed leftovers of a deleted task');
    }
    if (due.length < PAGE) return;
  }
}
