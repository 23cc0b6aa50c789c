import { setTimeout as sleep } from 'node:timers/promises';
import { sweepDeletions } from './finish-deletion.js';
import type { MaintenanceParts } from './maintenance-parts.js';
import { sweepExpired } from './retention.js';
import { Emptiness, sweepOrphans } from './sweep-orphans.js';

export { sweepOrphans } from './sweep-orphans.js';

type Parts = Pick<MaintenanceParts, 'pool' | 'temporal' | 'store' | 'log'>;

const SWEEP_MS = 1_000;
const TEMP_SWEEP_MS = 10 * 60_000;
/** The age without a write at which a file is an orphan: an upload in progress writes every few seconds. */
const TEMP_AGE_MS = 60 * 60_000;

/** The interval between looks for expired tasks; a full batch is followed by the next at once. */
const EXPIRED_SWEEP_MS = 60_000;

/** Removes orphans, the leftovers of deleted tasks and expired tasks, until the signal fires. */
export async function runSweeper(parts: Parts, retentionDays: number, signal: AbortSignal): Promise<void> {
  const emptiness = new Emptiness();
  const jobs: Job[] = [
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
  // Concurrently: a deletion that waits for a table in use must not delay the other jobs.
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
      if (!complained) log.warn({ err: error }, 'sweeper failed; retrying every second');
      complained = true;
    }
    await sleep(waitMs, undefined, { signal }).catch(() => {});
  }
}
