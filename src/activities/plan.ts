import type pg from 'pg';
import type { RunRef } from '../contract/messages.js';
import { failpoint } from '../failpoint.js';
import { type KeyRange, planRanges, storeRanges } from '../postgres/export.js';
import {
  asPlanned,
  type ExportSource,
  openCopy,
  openSource,
  readingTable,
  withSameTable,
} from '../postgres/export-source.js';
import { withFence, withLateFence } from '../postgres/fence.js';
import { sumParts } from '../postgres/progress.js';
import { cancellable, createFrozenCopy, rememberStaging } from '../postgres/staging.js';
import { enterPhase } from '../postgres/task-state.js';
import { type Column, storeSource, type TaskRow } from '../postgres/tasks.js';
import { type Dependencies, type Fenceable, performStep } from './context.js';
import { type Prepared, whatIsLeft } from './prepare.js';
import { asStep, type Step } from './step.js';

/** A part of an export takes about this much of the table. */
const PART_BYTES = 16 << 20;

/** Finds the table's columns and key, makes the frozen copy when one is asked for, and plans the ranges, once. */
export function planActivity({ pool, log }: Dependencies, window: number) {
  return async (run: RunRef): Promise<Fenceable<Prepared>> =>
    performStep({ pool, log }, run, (signal) =>
      asStep({ pool, signal }, run, 'plan', async (step) => {
        const { client, task, fence } = step;
        if (task.export_source === null || (await sumParts(client, task.id)).parts === 0) {
          await withFence(client, fence, () => enterPhase(client, task.id, 'planning'));
          await cancellable(pool, client, signal, () => plan(step));
        }
        await withFence(client, fence, () => enterPhase(client, task.id, 'dumping'));
        return whatIsLeft(client, task, window);
      }),
    );
}

async function plan(step: Step): Promise<void> {
  const { client, task, fence } = step;
  const { source, columns, ranges } = await (task.options.consistency === 'frozen' ? planCopy(step) : planTable(step));
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

async function planTable({ client, task }: Step): Promise<Plan> {
  return readingTable(
    client,
    () => openSource(client, task),
    (source) => planOf(client, source, columnsOf(task, source)),
  );
}

async function planCopy({ client, task, fence }: Step): Promise<Plan> {
  let columns: Column[] = [];
  const copyTable = async (source: ExportSource) => {
    columns = columnsOf(task, source);
    await createFrozenCopy(client, task, source);
  };
  const copy = await withLateFence(
    client,
    fence,
    () => withSameTable(client, () => openSource(client, task), copyTable),
    () => rememberStaging(client, task.id, task.lock_key),
  );
  return readingTable(
    client,
    () => openCopy(client, copy),
    (source) => planOf(client, source, columns),
  );
}

async function planOf(client: pg.ClientBase, source: ExportSource, columns: Column[]): Promise<Plan> {
  return { source, columns, ranges: await planRanges(client, source, PART_BYTES) };
}

/** An upload's are known, with the header of the file. */
function columnsOf({ columns }: TaskRow, source: ExportSource): Column[] {
  const evidence = 'the column of the table';
  return columns ?? source.columns.map(({ number, name, type }) => ({ original: name, name, type, evidence, number }));
}
