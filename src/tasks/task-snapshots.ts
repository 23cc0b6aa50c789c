import type pg from 'pg';
import { TaskError } from '../contract/errors.js';
import { LOCK_CLASS, SESSION_PREFIX } from './fence.js';
import { queryPrepared } from './prepared.js';
import { PART_SUMS, type PartSums } from './progress.js';
import type { TaskRow } from './tasks.js';
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
  /** The result file is gone from the store; left out where the store was not looked at. */
  resultLost?: boolean;
}

/** What that statement gives of a task. */
export type SnapshotRow = TaskRow & Omit<TaskSnapshot, 'row'>;

/**
 * Returns the statement that reads tasks with their sums and what they hold, up to its WHERE; `tasks` is the table or a
 * query over it. One statement has one snapshot. Separate reads could show the phase before a publish and the parts
 * after it, and the progress would fall.
 */
export function snapshotsOf(tasks: string): string {
  return `
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
    FROM ${tasks} t CROSS JOIN LATERAL (SELECT ${PART_SUMS} FROM long_task.parts p WHERE p.task_id = t.id) s`;
}

/** Reads a task by its id, also one that has given up its name. @throws {TaskError} task_not_found */
export async function getSnapshotById(pool: pg.Pool, id: string): Promise<TaskSnapshot> {
  const [found] = await queryPrepared<SnapshotRow>(pool, {
    name: 'snapshot by id',
    text: `${snapshotsOf('long_task.tasks')} WHERE t.id = $1`,
    values: [id],
  });
  if (!found) throw new TaskError('task_not_found', 'The task was deleted meanwhile.');
  return toSnapshot(found);
}

/** Converts a row of `snapshotsOf` to a snapshot. */
export function toSnapshot({ sums, held, served, now, ...row }: SnapshotRow): TaskSnapshot {
  return { row, sums, held, served, now };
}
