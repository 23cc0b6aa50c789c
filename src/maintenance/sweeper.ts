import { setTimeout as sleep } from 'node:timers/promises';
import { TaskError } from '../contract/errors.js';
import { listUndelivered, type TaskRow } from '../tasks/tasks.js';
import { deliverOrThrow } from '../temporal/deliver.js';
import { sweepDeletions } from './finish-deletion.js';
import type { MaintenanceParts } from './maintenance-parts.js';
import { sweepExpired } from './retention.js';
import { Emptiness, sweepOrphans } from './sweep-orphans.js';

export { sweepOrphans } from './sweep-orphans.js';

type Parts = Pick<MaintenanceParts, 'pool' | 'temporal' | 'store' | 'log'>;

const SWEEP_MS = 1_000;
/** Younger ones are still in the hands of the request that made them. */
const UNDELIVERED_SECONDS = 2;
const TEMP_SWEEP_MS = 10 * 60_000;
/** A file that nobody has written to for so long is nobody's: an upload in progress writes every few seconds. */
const TEMP_AGE_MS = 60 * 60_000;
const LONGEST_WAIT_MS = 60_000;

/** The interval between looks for expired tasks; a full batch is followed by the next at once. */
const EXPIRED_SWEEP_MS = 60_000;

/**
 * Delivers starts and commands that requests could not deliver, and removes orphans, the remains of deleted tasks and expired
 * tasks, until the signal fires.
 */
export async function runSweeper(parts: Parts, retentionDays: number, signal: AbortSignal): Promise<void> {
  const patience = new Patience();
  const emptiness = new Emptiness();
  const jobs: Job[] = [
    { everyMs: SWEEP_MS, run: () => sweepUndelivered(parts, patience, signal) },
    { everyMs: SWEEP_MS, run: () => sweepDeletions(parts, signal) },
    { everyMs: EXPIRED_SWEEP_MS, run: () => sweepExpired(parts, retentionDays, signal) },
    {
      everyMs: TEMP_SWEEP_MS,
      run: async () => {
        await parts.store.sweepTemp(TEMP_AGE_MS);
        await sweepOrphans(parts, TEMP_AGE_MS, emptiness);
      },
    },
  ];
  // Side by side: a table in use, which a deletion waits for, must not delay a command.
  await Promise.all(jobs.map((job) => repeat(job, parts.log, signal)));
}

/** A periodic job of the sweeper. */
interface Job {
  everyMs: number;
  /** Resolves to true when there is more to do at once. */
  run: () => Promise<unknown>;
}

async function repeat({ everyMs, run }: Job, log: Parts['log'], signal: AbortSignal): Promise<void> {
  let complained = false;
  while (!signal.aborted) {
    let waitMs = SWEEP_MS;
    try {
      const hasMore = await run();
      if (hasMore !== true) waitMs = everyMs;
      complained = false;
    } catch (error) {
      // Once per outage, not once per second.
      if (!complained) log.warn({ err: error }, 'the sweeper cannot work now and tries again every second');
      complained = true;
    }
    await sleep(waitMs, undefined, { signal }).catch(() => {});
  }
}

/** @throws {TaskError} temporal_unavailable at the first task that meets it: the others would too */
export async function sweepUndelivered(parts: Parts, patience: Patience, signal?: AbortSignal): Promise<void> {
  for await (const row of undelivered(parts.pool)) {
    if (signal?.aborted) return;
    if (!patience.isDue(row)) continue;
    try {
      if (row.undelivered === 'resume' || row.undelivered === 'terminate') await lift(parts, row);
      await deliverOrThrow(parts, row);
      patience.forget(row);
      parts.log.info({ task: row.workflow_id, delivered: row.undelivered }, 'delivered by the sweeper');
    } catch (error) {
      if (error instanceof TaskError) throw error;
      parts.log.warn({ err: error, task: row.workflow_id, undelivered: row.undelivered }, 'cannot be delivered');
      patience.wait(row);
    }
  }
}

/** Whether the request that gave the command had come so far nobody knows. A refusal is not in the way of the command. */
async function lift({ temporal, log }: Parts, row: TaskRow): Promise<void> {
  await temporal.liftNativePauses(row).catch((error: unknown) => {
    if (error instanceof TaskError) throw error;
    log.warn({ err: error, task: row.workflow_id }, 'a native pause could not be lifted');
  });
}

async function* undelivered(pool: Parts['pool']): AsyncGenerator<TaskRow> {
  for (let after = 0; ; ) {
    const page = await listUndelivered(pool, UNDELIVERED_SECONDS, after);
    yield* page;
    if (page.length === 0) return;
    after = page.at(-1)!.lock_key;
  }
}

/** Waits twice as long each time for a task that cannot be told anything, so that it costs nobody else. */
export class Patience {
  readonly #waits = new Map<string, { until: number; ms: number }>();

  isDue({ id }: TaskRow): boolean {
    return (this.#waits.get(id)?.until ?? 0) <= performance.now();
  }

  wait({ id }: TaskRow): void {
    const ms = Math.min((this.#waits.get(id)?.ms ?? SWEEP_MS) * 2, LONGEST_WAIT_MS);
    this.#waits.set(id, { until: performance.now() + ms, ms });
  }

  forget({ id }: TaskRow): void {
    this.#waits.delete(id);
  }
}
