import type pg from 'pg';
import { TaskError } from '../contract/errors.js';
import type { RunRef } from '../contract/messages.js';
import type { Receipt } from '../contract/task.js';
import { failpoint } from '../failpoint.js';
import { cancellable } from '../postgres/cancellable.js';
import { buildRowIndex, checkStaging, countStaged, publishTable } from '../tables/staging.js';
import { totalParts } from '../tasks/checkpoints.js';
import { completeTask } from '../tasks/endings.js';
import { withFence } from '../tasks/fence.js';
import { rejectedSum } from '../tasks/rejects.js';
import { enterPhase } from '../tasks/task-state.js';
import { asUpload, type TaskRow } from '../tasks/tasks.js';
import { addWarnings } from '../tasks/warnings.js';
import { type Dependencies, type Fenceable, performStep } from './context.js';
import { publishWarnings, renamesOf } from './publish-warnings.js';
import { checkCountedRejects, limitOf } from './reject-limit.js';
import { asStep, type Step } from './step.js';

/**
 * Makes the loaded table visible: unique index on the row numbers (outside of the fence, cancelled by a pause), the
 * receipt checked against the table itself, then, in one short transaction inside the fence, name, schema and
 * `completed`.
 */
export function publishActivity(dependencies: Dependencies) {
  return async (run: RunRef): Promise<Fenceable<object>> =>
    performStep(dependencies, run, async (signal) => {
      await asStep({ ...dependencies, signal }, run, 'publish', (step) => publish(dependencies.pool, step));
      return {};
    });
}

/** The step of the activity, for the attempt that has claimed it. */
export async function publish(pool: pg.Pool, { client, task, fence, signal }: Step): Promise<Receipt> {
  await withFence(client, fence, () => enterPhase(client, task.id, 'publishing'));
  await failpoint('publish:before-index');
  await cancellable(pool, client, signal, () => buildRowIndex(client, task.lock_key));
  await failpoint('publish:after-index');
  const receipt = await cancellable(pool, client, signal, () => balance(client, task));
  await withFence(client, fence, async () => {
    await checkStaging(client, task.staging_oid, task.lock_key, task.columns!);
    const wished = task.options.table ?? task.task_name;
    const name = await publishTable(client, task.lock_key, wished);
    await addWarnings(
      client,
      task.id,
      publishWarnings(wished, name, task.columns!, renamesOf(asUpload(task).options.columns)),
    );
    await completeTask(client, task.id, { receipt, tableName: name, tableOid: task.staging_oid! });
    await failpoint('publish:before-commit');
  });
  await failpoint('publish:after-commit');
  return receipt;
}

/**
 * Returns the receipt of an upload. The index makes row numbers unique, so count and sum together prove that the table
 * holds exactly the rows that were not rejected.
 * @throws {TaskError} receipt_mismatch
 */
async function balance(client: pg.ClientBase, task: TaskRow): Promise<Receipt> {
  const total = BigInt(task.rows_total!);
  const rejected = await rejectedSum(client, task.id);
  // Parts loaded at once may each have seen room for the last reject that was allowed.
  await checkCountedRejects(client, limitOf(task), rejected.count);
  const staged = await countStaged(client, task.lock_key);
  const sums = await totalParts(client, task.id);
  const contiguous =
    sums.parts === 0 ||
    (sums.first === task.data_offset &&
      sums.last === task.bytes_total &&
      sums.bytes === task.bytes_total! - task.data_offset!);
  const exact =
    BigInt(staged.count) + BigInt(rejected.count) === total &&
    staged.sum + rejected.sum === (total * (total + 1n)) / 2n &&
    BigInt(sums.rows) === total &&
    sums.rejected === rejected.count;
  if (!contiguous || !sums.done || !exact) {
    throw new TaskError(
      'receipt_mismatch',
      `The table has ${staged.count} rows and ${rejected.count} were rejected, the file has ${task.rows_total}. ` +
        'Another session changed the table during the load. Nothing was published; start the upload again.',
    );
  }
  const { source, converted, dialect } = asUpload(task);
  return {
    rows_in_file: task.rows_total!,
    rows_loaded: staged.count,
    rows_rejected: rejected.count,
    bytes: source.size,
    sha256: source.sha256,
    dialect,
    ...(converted && converted.repairs.count > 0 && { repairs: converted.repairs }),
    columns: task.columns!,
    parts: sums.parts,
    seconds: {},
  };
}
