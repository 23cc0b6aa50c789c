import type pg from 'pg';

/** A worker that has been silent for longer does not count; it writes several times within this time. */
const SILENT_SECONDS = 15;

/** SQL: whether a worker of the task queue in parameter `parameter` (`$1`) answers. */
export function isServed(parameter: string): string {
  return `EXISTS (SELECT FROM long_task.workers w WHERE w.task_queue = ${parameter}
                   AND w.seen_at > clock_timestamp() - interval '${SILENT_SECONDS} seconds')`;
}

/** Notes that a worker runs, by the clock of PostgreSQL. */
export async function noteWorker(pool: pg.Pool, id: string, taskQueue: string): Promise<void> {
  await pool.query({
    text: `INSERT INTO long_task.workers (id, task_queue, seen_at) VALUES ($1, $2, clock_timestamp())
           ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at`,
    values: [id, taskQueue],
    query_timeout: 2_000,
  } as pg.QueryConfig);
}

/** Forgets the workers that ended long ago. */
export async function forgetWorkers(pool: pg.Pool): Promise<void> {
  await pool.query(`DELETE FROM long_task.workers WHERE seen_at < clock_timestamp() - interval '1 hour'`);
}

/** Whether a worker of this task queue answers. */
export async function isQueueServed(pool: pg.Pool, taskQueue: string): Promise<boolean> {
  const { rows } = await pool.query({
    name: 'is-queue-served',
    text: `SELECT ${isServed('$1')} AS served`,
    values: [taskQueue],
  });
  return rows[0].served;
}
