import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { forgetWorkers, noteWorker } from '../tasks/workers.js';

const EVERY_MS = 3_000;
/** While PostgreSQL is away: it knows soon after it is back that this worker runs. */
const AGAIN_MS = 500;

/**
 * Writes to PostgreSQL every few seconds that this worker runs, until the signal fires. Leaves the last sign to age, so
 * that a restart of the worker does not show as an outage.
 */
export async function giveSignsOfLife(pool: pg.Pool, signal: AbortSignal): Promise<void> {
  const id = randomUUID();
  await forgetWorkers(pool).catch(() => {});
  while (!signal.aborted) {
    const isNoted = await noteWorker(pool, id).then(
      () => true,
      () => false,
    );
    await sleep(isNoted ? EVERY_MS : AGAIN_MS, undefined, { signal }).catch(() => {});
  }
}
