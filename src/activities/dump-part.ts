import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { RunRef } from '../contract/messages.js';
import { failpoint } from '../failpoint.js';
import { copyOut } from '../postgres/copy-out.js';
import {
  claimRange,
  findExportSource,
  frozenSource,
  rangeQuery,
  recordObject,
  tuneForRanges,
} from '../postgres/export.js';
import { endSessions, FencedError, sessionName, withFence } from '../postgres/fence.js';
import { withClient } from '../postgres/pool.js';
import { cancellable } from '../postgres/staging.js';
import type { TaskRow } from '../postgres/tasks.js';
import { type Dependencies, type Fenceable, perform } from './context.js';
import { escapeFormulas } from './formulas.js';
import type { Pacer } from './pacer.js';
import { partKey } from './result-keys.js';
import { beginAttempt } from './step.js';

/** Dumps one key range into an object of this attempt's own, which counts once it is recorded behind the fence. */
export function dumpPartActivity({ pool, store, log, pacer }: Dependencies) {
  return async ({ partNo, ...run }: RunRef & { partNo: number }): Promise<Fenceable<{ rows: number; bytes: number }>> =>
    perform(log, async (signal) => {
      const { task, fence } = await beginAttempt(pool, run);
      const role = `part ${partNo}`;
      return withClient(
        pool,
        async (client) => {
          await endSessions(client, task.lock_key, role);
          const part = await withFence(client, fence, () => claimRange(client, fence, partNo, randomUUID()));
          if (part.done) return { rows: part.rows, bytes: part.size };
          const found = await findExportSource(client, task);
          const source = task.options.consistency === 'frozen' ? frozenSource(found, task.lock_key) : found;
          const key = partKey(task.id, partNo, part.token);
          await tuneForRanges(client, source);
          // The first row may be long in coming: a view that computes, a table that somebody has locked.
          const object = await cancellable(pool, client, signal, async () => {
            const rows = copyOut(client, rangeQuery(source, part));
            const { size } = await store.put(key, paced(encode(rows, task), pacer, task, signal));
            return { key, size, rows: rows.rowCount };
          });
          await failpoint('dump:before-record');
          await withFence(client, fence, () => recordObject(client, task.id, part, object)).catch(
            async (error: unknown) => {
              if (error instanceof FencedError) await store.remove(key);
              throw error;
            },
          );
          return { rows: object.rows, bytes: object.size };
        },
        sessionName(task.lock_key, role),
        signal,
      );
    });
}

function encode(rows: Readable, task: TaskRow): AsyncIterable<Buffer> {
  return task.options.formulas === 'escape' ? escapeFormulas(rows, task.columns!) : rows;
}

/** Passes the bytes on at the task's rate, and breaks the COPY off when the activity is cancelled. */
async function* paced(
  source: AsyncIterable<Buffer>,
  pacer: Pacer,
  task: TaskRow,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  let owed = 0;
  for await (const chunk of source) {
    signal.throwIfAborted();
    await failpoint('dump:mid-part');
    owed += chunk.length;
    yield chunk;
    if (task.options.max_bytes_per_second && owed > task.options.max_bytes_per_second / 20) {
      await pacer.pass(task.id, owed, task.options.max_bytes_per_second, signal);
      owed = 0;
    }
  }
}
