import type pg from 'pg';
import type { RunRef } from '../contract/messages.js';
import { failpoint } from '../failpoint.js';
import { claimPart } from '../postgres/checkpoints.js';
import { type Fence, sessionName } from '../postgres/fence.js';
import { withClient } from '../postgres/pool.js';
import { checkStaging } from '../postgres/staging.js';
import type { TaskRow } from '../postgres/tasks.js';
import type { StoreFile } from '../storage/store.js';
import { type Dependencies, type Fenceable, perform, SLOW_HEARTBEAT_MS } from './context.js';
import { PartLoader } from './part-loader.js';
import { checkPart, withSource } from './source.js';
import { beginAttempt } from './step.js';

/**
 * Loads one part from where its checkpoint stands. Each batch is one transaction behind the fence: COPY, rejects and
 * checkpoint commit together or not at all.
 */
export function loadPartActivity(dependencies: Dependencies) {
  const { pool, store, log } = dependencies;
  return async ({ partNo, ...run }: RunRef & { partNo: number }): Promise<Fenceable<Loaded>> =>
    perform(
      log,
      async (signal) => {
        const { task, fence } = await beginAttempt(pool, run);
        const role = `part ${partNo}`;
        return withSource(store, task.source!, (file) =>
          withClient(
            pool,
            (client) => loadPart({ ...dependencies, client, task, fence, file, signal, partNo, role }),
            sessionName(task.lock_key, role),
            signal,
          ),
        );
      },
      // A batch meets the fence many times a second: heartbeats need not bring the news.
      { heartbeatMs: SLOW_HEARTBEAT_MS },
    );
}

interface Loaded {
  rows: number;
  bytes: number;
}

interface Loading extends Dependencies {
  client: pg.ClientBase;
  task: TaskRow;
  fence: Fence;
  file: StoreFile;
  signal: AbortSignal;
  partNo: number;
  role: string;
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
