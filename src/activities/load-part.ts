import type { RunRef } from '../contract/messages.js';
import { failpoint } from '../failpoint.js';
import { claimPart } from '../postgres/checkpoints.js';
import { checkStaging } from '../postgres/staging.js';
import type { StoreFile } from '../storage/store.js';
import { type Beat, type Dependencies, type Fenceable, performStep, SLOW_HEARTBEAT_MS } from './context.js';
import { PartLoader } from './part-loader.js';
import { checkPart, withSource } from './source.js';
import { asPart, type PartAttempt } from './step.js';

/**
 * Loads one part from where its checkpoint stands. Each batch is one transaction behind the fence: COPY, rejects and
 * checkpoint commit together or not at all.
 */
export function loadPartActivity(dependencies: Dependencies) {
  const { pool, store, log } = dependencies;
  return async (run: RunRef & { partNo: number }): Promise<Fenceable<Loaded>> =>
    performStep(
      { pool, log },
      run,
      (signal, beat) =>
        asPart({ pool, signal }, run, (attempt) =>
          withSource(store, attempt.task.source!, (file) =>
            loadPart({ ...dependencies, ...attempt, file, signal, beat }),
          ),
        ),
      // A batch meets the fence many times a second: heartbeats need not bring the news.
      { heartbeatMs: SLOW_HEARTBEAT_MS },
    );
}

interface Loaded {
  rows: number;
  bytes: number;
}

interface Loading extends Dependencies, PartAttempt {
  file: StoreFile;
  signal: AbortSignal;
  beat: Beat;
}

async function loadPart(loading: Loading): Promise<Loaded> {
  const { client, task, fence, file, signal, buffers, partNo, role } = loading;
  const part = await claimPart(client, fence, partNo, role);
  await failpoint('load:after-claim');
  if (!part.done) {
    await checkStaging(client, task.staging_oid, task.lock_key, task.columns!);
    await buffers.use(async (input) => {
      await checkPart(file, part, input, signal);
      await buffers.use((out) => new PartLoader({ ...loading, part, input, out }).load());
    });
    await failpoint('load:after-part');
  }
  return { rows: part.rows, bytes: part.byteTo - part.byteFrom };
}
