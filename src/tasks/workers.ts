import type pg from 'pg';
import { LOOK_MS } from '../postgres/pool.js';

/** The age at which a worker's last sign of life no longer counts; a live worker gives several within this time. */
const SILENT_SECONDS = 15;

/** SQL: the workers that answer. */
export const ANSWERING = `FROM long_task.workers
  WHERE seen_at > clock_timestamp() - interval '${SILENT_SECONDS} seconds'`;

/** SQL: whether any worker answers. */
export const IS_SERVED = `EXISTS (SELECT ${ANSWERING})`;

/** Notes that a worker runs, by the clock of PostgreSQL. */
export async function noteWorker(pool: pg.Pool, id: string): Promise<void> {
  await pool.query({
    text: `INSERT INTO long_task.workers (id, seen_at) VALUES ($1, clock_timestamp())
           ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at`,
    values: [id],
    query_timeout: LOOK_MS,
  } as pg.QueryConfig);
}

/** Forgets the workers that ended long ago. */
export async function forgetWorkers(pool: pg.Pool): Promise<void> {
  await pool.query(`DELETE FROM long_task.workers WHERE seen_at < clock_timestamp() - interval '1 hour'`);
}

/** Returns whether any worker answers. */
export async function isServed(pool: pg.Pool): Promise<boolean> {
  const { rows } = await pool.query(`SELECT ${IS_SERVED} AS served`);
  return rows[0].served;
}
