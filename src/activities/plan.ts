import type { RunRef } from '../contract/messages.js';
import type { DownloadOptions } from '../contract/task.js';
import { failpoint } from '../failpoint.js';
import { findExportSource, frozenSource, planRanges, storeRanges } from '../postgres/export.js';
import { withFence, withLateFence } from '../postgres/fence.js';
import { sumParts } from '../postgres/progress.js';
import { cancellable, createFrozenCopy, rememberStaging } from '../postgres/staging.js';
import { enterPhase } from '../postgres/task-state.js';
import { storeColumns } from '../postgres/tasks.js';
import { type Dependencies, type Fenceable, perform } from './context.js';
import { type Prepared, whatIsLeft } from './prepare.js';
import { asStep, type Step } from './step.js';

/** A part of an export takes about this much of the table. */
const PART_BYTES = 16 << 20;
/** A part of a gentle export takes what its rate allows in this time, and not less than this. */
const GENTLE_SECONDS = 2;
const GENTLE_BYTES = 64 << 10;

/** How much of the table a part takes. A gentle export reads a part in one go and then waits for its rate. */
function partBytes({ max_bytes_per_second: rate }: DownloadOptions): number {
  return rate ? Math.min(PART_BYTES, Math.max(GENTLE_BYTES, GENTLE_SECONDS * rate)) : PART_BYTES;
}

/** Finds the table's columns and key, makes the frozen copy when one is asked for, and plans the ranges, once. */
export function planActivity(dependencies: Dependencies, window: number) {
  const { pool, log } = dependencies;
  return async (run: RunRef): Promise<Fenceable<Prepared>> =>
    perform(log, (ending) =>
      asStep({ ...dependencies, signal: ending }, run, 'plan', async (step) => {
        const { client, task, fence, signal } = step;
        if ((await sumParts(client, task.id)).parts === 0) {
          await withFence(client, fence, () => enterPhase(client, task.id, 'planning'));
          await cancellable(pool, client, signal, () => plan(step));
        }
        await withFence(client, fence, () => enterPhase(client, task.id, 'dumping'));
        return whatIsLeft(client, task, window);
      }),
    );
}

async function plan({ client, task, fence }: Step): Promise<void> {
  let source = await findExportSource(client, task);
  if (task.options.consistency === 'frozen') {
    const { table, key } = source;
    const columns = source.columns.map((column) => column.name);
    const orderBy = key.map(({ name }) => name);
    await withLateFence(
      client,
      fence,
      () => createFrozenCopy(client, task.lock_key, { table, columns, orderBy }),
      () => rememberStaging(client, task.id, task.lock_key),
    );
    source = frozenSource(source, task.lock_key);
  }
  const ranges = await planRanges(client, source, partBytes(task.options));
  await withFence(client, fence, async () => {
    await storeRanges(client, task.id, ranges);
    await storeColumns(client, task.id, source.columns);
    await failpoint('plan:before-commit');
  });
}
