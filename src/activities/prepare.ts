import type { TaskRef } from '../contract/messages.js';
import { failpoint } from '../failpoint.js';
import { pendingParts } from '../postgres/checkpoints.js';
import { enterPhase } from '../postgres/commands.js';
import { sessionName, withFence } from '../postgres/fence.js';
import { withClient } from '../postgres/pool.js';
import { sumDoneParts, sumParts } from '../postgres/progress.js';
import { createStaging } from '../postgres/staging.js';
import { getTaskById } from '../postgres/tasks.js';
import { type Dependencies, type Fenceable, perform } from './context.js';

/** What the workflow has to know to load: which parts are left, and how many there are in all. */
export interface Prepared {
  pending: number[];
  parts: number;
  rows: { done: number; total: number | null };
  bytes: { done: number; total: number | null };
  /** How many parts may be loaded at once. */
  window: number;
}

/** Makes the staging table and says which parts are left to load. */
export function prepareActivity({ pool, log }: Dependencies, window: number) {
  return async ({ taskId, epoch }: TaskRef & { epoch: number }): Promise<Fenceable<Prepared>> =>
    perform(log, async () => {
      const task = await getTaskById(pool, taskId);
      const fence = { taskId, lockKey: task.lock_key, epoch };
      return withClient(
        pool,
        async (client) => {
          await withFence(client, fence, async () => {
            await createStaging(client, task);
            await enterPhase(client, taskId, 'loading');
            await failpoint('prepare:before-commit');
          });
          await failpoint('prepare:after-commit');
          const { parts } = await sumParts(client, taskId);
          const done = await sumDoneParts(client, taskId);
          return {
            pending: await pendingParts(client, taskId),
            parts,
            rows: { done: done.rows, total: task.rows_total },
            bytes: { done: done.bytes, total: task.bytes_total },
            // A gentle load keeps to its rate through one process at a time.
            window: task.options.max_bytes_per_second ? 1 : window,
          };
        },
        sessionName(task.lock_key, 'prepare'),
      );
    });
}
