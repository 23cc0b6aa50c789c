import { TaskError } from '../contract/errors.js';
import { deleteTask, listExpired } from '../tables/delete-task.js';
import { finishDeletions } from './finish-deletion.js';
import type { MaintenanceParts } from './maintenance-parts.js';

type Parts = Pick<MaintenanceParts, 'pool' | 'store' | 'log'>;

/** The number of tasks removed at once, so that other jobs get their turn. */
const BATCH = 50;

/**
 * Deletes tasks that ended more than so many days ago, with their result files, never a table; also those that have
 * given up their names. With 0 days they stay for ever.
 * @returns whether there may be more
 */
export async function sweepExpired(parts: Parts, days: number, signal?: AbortSignal): Promise<boolean> {
  if (days === 0) return false;
  const expired = await listExpired(parts.pool, days, BATCH);
  for (const row of expired) {
    if (signal?.aborted) return false;
    // Another sweeper, or a user, may have been faster.
    const deletions = await deleteTask(parts.pool, row).catch(noneWhenGone);
    await finishDeletions(parts, deletions);
  }
  if (expired.length > 0) parts.log.info({ tasks: expired.length, days }, 'removed tasks that ended long ago');
  return expired.length === BATCH;
}

function noneWhenGone(error: unknown): [] {
  if (error instanceof TaskError && error.code === 'task_not_found') return [];
  throw error;
}
