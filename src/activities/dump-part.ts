import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { RunRef } from '../contract/messages.js';
import { failpoint } from '../failpoint.js';
import { cancellable } from '../postgres/cancellable.js';
import { copyOut } from '../postgres/copy-out.js';
import { partKey } from '../storage/keys.js';
import { rangeQuery, tuneForRanges } from '../tables/export.js';
import { asExporter } from '../tables/export-session.js';
import { plannedSource, readingTable, reopenSource } from '../tables/export-source.js';
import { endSessions, FencedError, whileFenceIsOpen, withFence } from '../tasks/fence.js';
import { claimRange, type DownloadPart, recordObject } from '../tasks/ranges.js';
import { asDownload, type TaskRow } from '../tasks/tasks.js';
import { type Beat, type Dependencies, type Fenceable, performStep, SLOW_HEARTBEAT_MS } from './context.js';
import type { RateLimiter } from './rate-limiter.js';
import { asPart, type PartAttempt, type Step } from './step.js';
import { compressed, copyOptions, formatOf, writeRows, writtenColumns } from './write-rows.js';

/** Dumps one key range into an object of this attempt's own, which counts once it is recorded inside the fence. */
export function dumpPartActivity(dependencies: Dependencies) {
  return async (run: RunRef & { partNo: number }): Promise<Fenceable<Dumped>> =>
    performStep(
      dependencies,
      run,
      (signal, beat) => dumpPart(dependencies, run, signal, beat),
      // It watches the fence by itself.
      { heartbeatMs: SLOW_HEARTBEAT_MS },
    );
}

/** The work of its activity. @param role of its sessions, where they are not named for the part */
export async function dumpPart(
  dependencies: Dependencies,
  run: RunRef & { partNo: number },
  signal: AbortSignal,
  beat: Beat,
  role?: string,
): Promise<Dumped> {
  const dump = async (attempt: PartAttempt) => {
    return { isLast: true, ...(await dumpClaimed({ ...dependencies, ...attempt, beat })) };
  };
  const { rows, bytes } = await asPart({ ...dependencies, signal }, run, dump, role);
  return { rows, bytes };
}

/** Dumps a part without a rate limit, in the session of a claimed step. */
export async function dumpWithin(dependencies: Dependencies, step: Step, partNo: number, beat: Beat, role: string) {
  await dumpClaimed({ ...dependencies, ...step, partNo, role, beat });
}

interface Dumped {
  rows: number;
  bytes: number;
}

interface Dumping extends Dependencies, PartAttempt {
  beat: Beat;
}

async function dumpClaimed(dumping: Dumping): Promise<Dumped> {
  const { pool, store, client, task, fence, signal, partNo, role, metrics } = dumping;
  await endSessions(client, task.lock_key, role);
  const part = await withFence(client, fence, () => claimRange(client, fence, partNo, randomUUID()));
  if (part.done) return { rows: part.rows, bytes: part.size };
  const object = await whileFenceIsOpen(pool, fence, signal, (open) => dumpRange(dumping, part, open));
  await failpoint('dump:before-record');
  await withFence(client, fence, () => recordObject(client, task.id, part, object)).catch(async (error: unknown) => {
    if (error instanceof FencedError) await store.remove(object.key);
    throw error;
  });
  metrics.dumped(object);
  return { rows: object.rows, bytes: object.size };
}

async function dumpRange(
  dumping: Dumping,
  part: DownloadPart,
  signal: AbortSignal,
): Promise<{ key: string; size: number; rows: number }> {
  const { store, rateLimiter, task, beat } = dumping;
  const planned = plannedSource(task);
  const format = formatOf(task);
  const key = partKey(task.id, part.partNo, part.token);
  return inReader(dumping, signal, async (reader) => {
    const { rows, size } = await readingTable(
      reader,
      () => reopenSource(reader, planned),
      async (source) => {
        await tuneForRanges(reader, source);
        const options = copyOptions(
          format,
          source.columns.map(({ name }) => name),
        );
        const written = writtenColumns(
          task,
          source.columns.map(({ type }) => type),
        );
        const rows = copyOut(reader, rangeQuery(source, part, written), options);
        const counted = counting(writeRows(rows, format, part.partNo), rows, beat, part.partNo);
        const bytes = compressed(charged(counted, rateLimiter, task, signal), format);
        return { rows, ...(await store.put(key, bytes)) };
      },
    );
    return { key, size, rows: rows.rowCount };
  });
}

/** Counts the rows and bytes so far, for the next heartbeat. */
async function* counting(
  source: AsyncIterable<Buffer>,
  rows: { rowCount: number },
  beat: Beat,
  part: number,
): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const chunk of source) {
    bytes += chunk.length;
    Object.assign(beat, { part, rows: rows.rowCount, bytes } satisfies Beat);
    yield chunk;
  }
}

/** Reads a frozen copy as the app and any other table as the role of exports. */
function inReader<T>(
  { pool, exportPool, client, task, role }: Dumping,
  signal: AbortSignal,
  body: (reader: pg.ClientBase) => Promise<T>,
): Promise<T> {
  // The first row may take long: a view that computes, a table that another session has locked.
  if (asDownload(task).options.consistency === 'frozen') return cancellable(pool, client, signal, () => body(client));
  return asExporter({ pool, exportPool, lockKey: task.lock_key, role, signal }, body);
}

/**
 * Passes the bytes on, charges the task for them, and aborts the COPY when the signal fires. A gentle task waits only
 * after its part is recorded, without a connection: a COPY that waits would hold a snapshot, which blocks VACUUM in the
 * whole database. The parts of a gentle export are short (`partBytes`).
 */
async function* charged(
  source: AsyncIterable<Buffer>,
  rateLimiter: RateLimiter,
  task: TaskRow,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  for await (const chunk of source) {
    signal.throwIfAborted();
    await failpoint('dump:mid-part');
    rateLimiter.charge(task.id, chunk.length, task.options.max_bytes_per_second);
    yield chunk;
  }
}
