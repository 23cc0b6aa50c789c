import type pg from 'pg';
import type { State } from '../contract/states.js';
import { UNFINISHED } from '../tasks/tasks.js';

/** A number of things and their bytes together. */
export interface Amount {
  count: number;
  bytes: number;
}

/** What the tasks of a user, or of all, have stored, as the database knows it. */
export interface Usage {
  sources: Amount;
  results: Amount;
  tables: Amount;
  staging: Amount;
  tasks: Partial<Record<State, number>>;
}

/**
 * Sums up what tasks have stored. A source is there until its task has ended, or, of a completed one, until it is
 * tidied, which removes the parts last. A download has the objects of its parts, later its result; of tables only those
 * that are still there count.
 */
export async function sumUsage(pool: pg.Pool, userId: string | undefined): Promise<Usage> {
  const { rows } = await pool.query(
    `WITH own AS NOT MATERIALIZED (SELECT * FROM long_task.tasks ${userId === undefined ? '' : 'WHERE user_id = $1'}),
          unfinished AS (
       SELECT id, kind, source, staging_oid FROM own WHERE ${UNFINISHED}
        UNION ALL SELECT id, kind, source, staging_oid FROM own
         WHERE state = 'completed' AND id IN (SELECT task_id FROM long_task.parts)),
          locked AS MATERIALIZED (SELECT relation FROM pg_locks WHERE mode = 'AccessExclusiveLock')
     SELECT (SELECT ${amountOf("(source ->> 'size')::bigint")} FROM unfinished WHERE source IS NOT NULL) AS sources,
            (SELECT ${amountOf('size')} FROM (
               SELECT result_bytes AS size FROM own
                WHERE kind = 'download' AND state = 'completed' AND result_bytes IS NOT NULL AND superseded_at IS NULL
                UNION ALL SELECT bytes_done FROM long_task.parts p JOIN own t ON t.id = p.task_id
                           WHERE t.kind = 'download' AND t.state <> 'completed' AND p.object IS NOT NULL) r) AS results,
            (SELECT ${amountOf(TABLE_BYTES)} FROM pg_class c
              WHERE relkind = 'r' AND oid IN (SELECT table_oid FROM own WHERE kind = 'upload' AND state = 'completed')) AS tables,
            (SELECT ${amountOf(TABLE_BYTES)} FROM pg_class c
              WHERE relkind = 'r' AND relnamespace = to_regnamespace('long_task_staging')
                AND oid IN (SELECT staging_oid FROM unfinished)) AS staging,
            (SELECT coalesce(json_object_agg(state, count), '{}') FROM (
               SELECT state, count(*) AS count FROM own WHERE superseded_at IS NULL GROUP BY state) s) AS tasks`,
    userId === undefined ? [] : [userId],
  );
  return rows[0];
}

/** Of a table that is locked as a whole only its pages, as they were counted last: its size would wait for the lock. */
const TABLE_BYTES = `CASE WHEN c.oid IN (SELECT relation FROM locked)
  THEN greatest(c.relpages, 0) * current_setting('block_size')::bigint ELSE pg_total_relation_size(c.oid) END`;

function amountOf(bytes: string): string {
  return `json_build_object('count', count(*), 'bytes', coalesce(sum(${bytes}), 0)::bigint)`;
}
