import type pg from 'pg';
import type { RunRef } from '../contract/messages.js';
import type { DownloadOptions } from '../contract/task.js';
import { failpoint } from '../failpoint.js';
import { cancellable } from '../postgres/cancellable.js';
import { planRanges } from '../tables/export.js';
import { asExporter, type Exporting } from '../tables/export-session.js';
import { asPlanned, type ExportSource, openCopy, openSource, readingTable } from '../tables/export-source.js';
import { fillFrozenCopy, indexFrozenCopy } from '../tables/frozen-copy.js';
import { dropStaging, rememberStaging } from '../tables/staging.js';
import { withFence, withLateFence } from '../tasks/fence.js';
import { sumParts } from '../tasks/progress.js';
import { type KeyRange, storeRanges } from '../tasks/ranges.js';
import { enterPhase } from '../tasks/task-state.js';
import { asDownload, type Column, storeSource, type TaskRow } from '../tasks/tasks.js';
import { type Dependencies, type Fenceable, performStep } from './context.js';
import { type Prepared, whatIsLeft } from './prepare.js';
import { asStep, type Step } from './step.js';

/** A part of an export takes about this much of the table. */
const TABLE_PART_BYTES = 16 << 20;
/** A part of a gentle export has the bytes of its rate in this time, but not less than `GENTLE_BYTES`. */
const GENTLE_SECONDS = 2;
const GENTLE_BYTES = 64 << 10;

/** How much of the table a part takes. A gentle export reads a part in one go and then waits for its rate. */
function partBytes({ max_bytes_per_second: rate }: DownloadOptions): number {
  return rate ? Math.min(TABLE_PART_BYTES, Math.max(GENTLE_BYTES, GENTLE_SECONDS * rate)) : TABLE_PART_BYTES;
}

/** Finds the table's columns and key, makes the frozen copy on request, and plans the ranges, once. */
export function planActivity(dependencies: Dependencies, window: number) {
  return async (run: RunRef): Promise<Fenceable<Prepared>> =>
    performStep(dependencies, run, (signal) =>
      asStep({ ...dependencies, signal }, run, 'plan', (step) => planOnce(dependencies, step, window)),
    );
}

/** The step of the activity, for the attempt that has claimed it. */
export async function planOnce(
  { pool, exportPool }: Pick<Dependencies, 'pool' | 'exportPool'>,
  step: Step,
  window: number,
): Promise<Prepared> {
  const { client, task, fence, signal } = step;
  if (task.export_source === null || (await sumParts(client, task.id)).parts === 0) {
    await withFence(client, fence, () => enterPhase(client, task.id, 'planning'));
    const exporting = { pool, exportPool, signal, lockKey: task.lock_key, role: 'plan' };
    await cancellable(pool, client, signal, () => plan({ ...step, exporting }));
  }
  await withFence(client, fence, () => enterPhase(client, task.id, 'dumping'));
  return whatIsLeft(client, task, window);
}

interface Planning extends Step {
  exporting: Exporting;
}

async function plan(step: Planning): Promise<void> {
  const { client, task, fence } = step;
  const { source, columns, ranges } = await (asDownload(task).options.consistency === 'frozen'
    ? planCopy(step)
    : planTable(step));
  await withFence(client, fence, async () => {
    await storeRanges(client, task.id, ranges);
    await storeSource(client, task.id, asPlanned(source), columns);
    await failpoint('plan:before-commit');
  });
}

interface Plan {
  source: ExportSource;
  columns: Column[];
  ranges: KeyRange[];
}

async function planTable({ task, exporting }: Planning): Promise<Plan> {
  return asExporter(exporting, (reader) =>
    readingTable(
      reader,
      () => openSource(reader, task),
      (source) => planOf(reader, task, source, columnsOf(task, source)),
    ),
  );
}

/** Has the role of exports read the table, and writes the copy as the app. */
async function planCopy({ client, task, fence, exporting }: Planning): Promise<Plan> {
  let columns: Column[] = [];
  const copyTable = (reader: pg.PoolClient) => async (source: ExportSource) => {
    columns = columnsOf(task, source);
    await fillFrozenCopy(client, reader, task.lock_key, source);
  };
  const copy = await withLateFence(
    client,
    fence,
    async () => {
      await dropStaging(client, task.staging_oid);
      await asExporter(exporting, (reader) => readingTable(reader, () => openSource(reader, task), copyTable(reader)));
      await indexFrozenCopy(client, task.lock_key);
    },
    () => rememberStaging(client, task.id, task.lock_key),
  );
  return readingTable(
    client,
    () => openCopy(client, copy),
    (source) => planOf(client, task, source, columns),
  );
}

async function planOf(client: pg.ClientBase, task: TaskRow, source: ExportSource, columns: Column[]): Promise<Plan> {
  return { source, columns, ranges: await planRanges(client, source, partBytes(asDownload(task).options)) };
}

/** Returns the columns that the task has stored (those of an upload, with its header), or else those of the table. */
function columnsOf({ columns }: TaskRow, source: ExportSource): Column[] {
  const evidence = 'the column of the table';
  return columns ?? source.columns.map(({ number, name, type }) => ({ original: name, name, type, evidence, number }));
}
