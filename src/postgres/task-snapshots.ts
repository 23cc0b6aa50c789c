import type pg from 'pg';
import { TaskError } from '../contract/errors.js';
import type { TaskEvent } from '../contract/task.js';
import { LOCK_CLASS, SESSION_PREFIX } from './fence.js';
import { queryPrepared } from './prepared.js';
import { PART_SUMS, type PartSums } from './progress.js';
import { EVENTS_OF } from './task-events.js';
import type { TaskFilter, TaskKey, TaskRow } from './tasks.js';
import { IS_SERVED } from './workers.js';

/** A task, the sums over its parts and what it holds, all as of one moment. */
export interface TaskSnapshot {
  row: TaskRow;
  sums: PartSums;
  held: { connections: number; locks: number };
  /** Whether any worker answers. */
  served: boolean;
  /** By the clock of PostgreSQL, which has set every other time of a task, too. */
  now: Date;
}

/**
 * One statement and so one snapshot: row and parts read apart could show the phase before and the parts after a publish
 * has removed them, and the progress would fall.
 */
const SNAPSHOT = `
  WITH sessions AS MATERIALIZED (
    SELECT split_part(application_name, ' ', 2) AS lock_key, count(*) AS count FROM pg_stat_activity
     WHERE datname = current_database() AND starts_with(application_name, '${SESSION_PREFIX}') GROUP BY 1
  ), locks AS MATERIALIZED (
    SELECT objid::bigint AS lock_key, count(*) AS count FROM pg_locks
     WHERE locktype = 'advisory' AND classid = ${LOCK_CLASS} AND objsubid = 2
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) GROUP BY 1
  )
  SELECT t.*, clock_timestamp() AS now, ${IS_SERVED} AS served, row_to_json(s) AS sums,
         json_build_object('connections', coalesce((SELECT count FROM sessions WHERE lock_key = t.lock_key::text), 0),
                           'locks', coalesce((SELECT count FROM locks WHERE lock_key = t.lock_key), 0)) AS held
    FROM long_task.tasks t CROSS JOIN LATERAL (SELECT ${PART_SUMS} FROM long_task.parts p WHERE p.task_id = t.id) s`;

/** @throws {TaskError} task_not_found */
export async function getSnapshot(pool: pg.Pool, key: TaskKey): Promise<TaskSnapshot> {
  const { rows } = await pool.query(
    `${SNAPSHOT} WHERE t.kind = $1 AND t.user_id = $2 AND t.task_name = $3 AND t.superseded_at IS NULL`,
    [key.kind, key.userId, key.taskName],
  );
  if (!rows[0])
    throw new TaskError('task_not_found', `User "${key.userId}" has no ${key.kind} task "${key.taskName}".`);
  return split(rows[0]);
}

/** The same with the last changes of the task's state, in the same statement: this is what is read most. */
export async function getSnapshotWithEvents(
  pool: pg.Pool,
  key: TaskKey,
): Promise<{ snapshot: TaskSnapshot; events: TaskEvent[] }> {
  const [found] = await queryPrepared<TaskRow & Omit<TaskSnapshot, 'row'> & { events: TaskEvent[] }>(pool, {
    name: 'snapshot with events',
    text: `SELECT s.*, ${EVENTS_OF} AS events FROM (
      ${SNAPSHOT} WHERE t.kind = $1 AND t.user_id = $2 AND t.task_name = $3 AND t.superseded_at IS NULL) s`,
    values: [key.kind, key.userId, key.taskName],
  });
  if (!found) throw new TaskError('task_not_found', `User "${key.userId}" has no ${key.kind} task "${key.taskName}".`);
  const { events, ...row } = found;
  return { snapshot: split(row), events };
}

/** A page of tasks, newest first, one more than `limit` where there are more. */
export async function listSnapshots(pool: pg.Pool, filter: TaskFilter): Promise<TaskSnapshot[]> {
  const { rows } = await pool.query(
    `${SNAPSHOT}
      WHERE t.superseded_at IS NULL AND ($1::text IS NULL OR t.user_id = $1) AND ($2::text IS NULL OR t.kind = $2) AND ($3::text IS NULL OR t.state = $3)
        AND ($4::int IS NULL OR t.lock_key < $4)
      ORDER BY t.lock_key DESC LIMIT $5`,
    [filter.userId ?? null, filter.kind ?? null, filter.state ?? null, filter.after ?? null, filter.limit + 1],
  );
  return rows.map(split);
}

function split({ sums, held, served, now, ...row }: TaskRow & Omit<TaskSnapshot, 'row'>): TaskSnapshot {
  return { row, sums, held, served, now };
}
