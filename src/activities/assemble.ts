import { randomUUID } from 'node:crypto';
import type { RunRef } from '../contract/messages.js';
import type { Receipt } from '../contract/task.js';
import { failpoint } from '../failpoint.js';
import { resultKey } from '../storage/keys.js';
import type { Store, Stored } from '../storage/store.js';
import { checkSource, plannedSource } from '../tables/export-source.js';
import { type Completion, completeTask } from '../tasks/endings.js';
import { FencedError, withFence } from '../tasks/fence.js';
import { type DownloadPart, listDownloadParts } from '../tasks/ranges.js';
import { enterPhase } from '../tasks/task-state.js';
import { asDownload, type TaskRow } from '../tasks/tasks.js';
import { type Dependencies, type Fenceable, performStep } from './context.js';
import { asStep, type Step } from './step.js';
import { beginningOf } from './write-rows.js';

/** Joins the dumped parts behind the header into one file, and completes the download with it. */
export function assembleActivity(dependencies: Dependencies) {
  return async (run: RunRef): Promise<Fenceable<{ bytes: number }>> =>
    performStep(dependencies, run, async (signal) => {
      const { bytes } = await asStep({ ...dependencies, signal }, run, 'assemble', (step) =>
        assemble(dependencies.store, step),
      );
      return { bytes };
    });
}

/** The step of the activity, for the attempt that has claimed it. */
export async function assemble(store: Store, { client, task, fence, signal }: Step): Promise<Receipt> {
  await withFence(client, fence, () => enterPhase(client, task.id, 'assembling'));
  const parts = await listDownloadParts(client, task.id);
  const key = resultKey(task.id, randomUUID());
  const objects = parts.map((part) => part.object!);
  const file = await store.concat(key, beginningOf(task), objects, { signal });
  await failpoint('assemble:before-record');
  const done = completion(task, parts, key, file);
  // Removes the file only when fenced: after a lost reply the task row may already name it.
  await withFence(client, fence, async () => {
    await checkSource(client, plannedSource(task));
    await completeTask(client, task.id, done);
  }).catch(async (error: unknown) => {
    if (error instanceof FencedError) await store.remove(key);
    throw error;
  });
  await failpoint('assemble:after-record');
  return done.receipt;
}

function completion(task: TaskRow, parts: DownloadPart[], key: string, file: Stored): Completion {
  const { consistency, formulas, format, source_sha256, table } = asDownload(task).options;
  const rows = parts.reduce((sum, part) => sum + part.rows, 0);
  const receipt = {
    rows_in_file: rows,
    rows_loaded: rows,
    rows_rejected: 0,
    bytes: file.size,
    sha256: file.sha256,
    columns: task.columns!.map(({ number: _, ...column }) => column),
    parts: parts.length,
    seconds: {},
    file,
    consistency,
    formulas,
    format,
    ...(source_sha256 && { same_as_source: file.sha256 === source_sha256 }),
  };
  return { result: { key, ...file }, tableName: table!, receipt };
}
