import type { TaskRef } from '../contract/messages.js';
import { failpoint } from '../failpoint.js';
import { pendingParts } from '../postgres/checkpoints.js';
import { enterPhase } from '../postgres/commands.js';
import { findExportSource, frozenSource, planRanges, storeRanges } from '../postgres/export.js';
import { sessionName, withFence, withLateFence } from '../postgres/fence.js';
import { withClient } from '../postgres/pool.js';
import { sumDoneParts, sumParts } from '../postgres/progress.js';
import { cancellable, createFrozenCopy } from '../postgres/staging.js';
import { getTaskById, storeColumns } from '../postgres/tasks.js';
import { type Dependencies, type Fenceable, perform } from './context.js';
import type { Prepared } from './prepare.js';

/** A part of an export takes about this much of the table. */
const PART_BYTES = 16 << 20;

/** Finds the table's columns and key, makes the frozen copy when one is asked for, and plans the ranges, once. */
export function planActivity({ pool, log }: Dependencies, window: number) {
  return async ({ taskId, epoch }: TaskRef & { epoch: number }): Promise<Fenceable<Prepared>> =>
    perform(log, async (signal) => {
      const task = await getTaskById(pool, taskId);
      const fence = { taskId, lockKey: task.lock_key, epoch };
      return withClient(
        pool,
        async (client) => {
          if ((await sumParts(client, taskId)).parts === 0) {
            await withFence(client, fence, () => enterPhase(client, taskId, 'planning'));
            let source = await findExportSource(client, task);
            if (task.options.consistency === 'frozen') {
              const { table, key } = source;
              const columns = source.columns.map((column) => column.name);
              const orderBy = key.map(({ name }) => name);
              await cancellable(pool, client, signal, () =>
                withLateFence(client, fence, () =>
                  createFrozenCopy(client, taskId, task.lock_key, { table, columns, orderBy }),
                ),
              );
              source = frozenSource(source, task.lock_key);
            }
            const ranges = await cancellable(pool, client, signal, () => planRanges(client, source, PART_BYTES));
            await withFence(client, fence, async () => {
              await storeRanges(client, taskId, ranges);
              await storeColumns(client, taskId, source.columns);
              await failpoint('plan:before-commit');
            });
          }
          await withFence(client, fence, () => enterPhase(client, taskId, 'dumping'));
          const { parts } = await sumParts(client, taskId);
          const done = await sumDoneParts(client, taskId);
          return {
            parts,
            rows: { done: done.rows, total: task.rows_total },
            bytes: { done: done.bytes, total: null },
            pending: await pendingParts(client, taskId),
            window: task.options.max_bytes_per_second ? 1 : window,
          };
        },
        sessionName(task.lock_key, 'plan'),
      );
    });
}
