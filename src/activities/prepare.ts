import type pg from 'pg';
import type { RunRef } from '../contract/messages.js';
import { failpoint } from '../failpoint.js';
import { createStaging } from '../tables/staging.js';
import { withFence } from '../tasks/fence.js';
import { partsLeft } from '../tasks/progress.js';
import { enterPhase } from '../tasks/task-state.js';
import type { TaskRow } from '../tasks/tasks.js';
import { type Dependencies, type Fenceable, performStep } from './context.js';
import { asStep, type Step } from './step.js';

/** The remaining parts of a task and the progress so far, for the workflow. */
export interface Prepared {
  pending: number[];
  parts: number;
  rows: { done: number; total: number | null };
  bytes: { done: number; total: number | null };
  /** How many parts may be worked on at once. */
  window: number;
}

/** Makes the staging table and returns the parts that remain to load. */
export function prepareActivity(dependencies: Dependencies, window: number) {
  return async (run: RunRef): Promise<Fenceable<Prepared>> =>
    performStep(dependencies, run, (signal) =>
      asStep({ ...dependencies, signal }, run, 'prepare', (step) => prepare(step, window)),
    );
}

/** The step of the activity, for the attempt that has claimed it. */
export async function prepare({ client, task, fence }: Step, window: number): Promise<Prepared> {
  await withFence(client, fence, async () => {
    await createStaging(client, task);
    await enterPhase(client, task.id, 'loading');
    await failpoint('prepare:before-commit');
  });
  await failpoint('prepare:after-commit');
  return whatIsLeft(client, task, window);
}

/** Returns the progress of the parts of a task. The size of a download is not known in advance. */
export async function whatIsLeft(client: pg.ClientBase, task: TaskRow, window: number): Promise<Prepared> {
  const { parts, pending, rows, bytes } = await partsLeft(client, task.id);
  return {
    pending,
    parts,
    rows: { done: rows, total: task.rows_total },
    bytes: { done: bytes, total: task.bytes_total },
    // A gentle task keeps to its rate through one process at a time.
    window: task.options.max_bytes_per_second ? 1 : window,
  };
}
