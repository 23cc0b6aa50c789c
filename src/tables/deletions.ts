import type pg from 'pg';
import { withTransaction } from '../postgres/pool.js';
import { dropPublished } from './published-table.js';
import { dropStaging } from './staging.js';

/** A deleted task, and what of it may remain. */
export interface Deletion {
  task_id: string;
  workflow_id: string;
  source_key: string | null;
  staging_oid: number | null;
  table_oid: number | null;
  table_name: string | null;
  columns: string[] | null;
}

/** How long a drop waits for sessions that use the table; new readers of the table wait meanwhile. */
export const LOCK_TIMEOUT_MS = 1_000;

/** Records what remains of a task, in the transaction that removes its row. */
export async function storeDeletion(client: pg.ClientBase, deletion: Deletion): Promise<void> {
  await client.query(
    `INSERT INTO long_task.deletions (task_id, workflow_id, source_key, staging_oid, table_oid, table_name, columns)
     VALUES ($1, $2, $3, $4, $5, $6, $7)`,
    [
      deletion.task_id,
      deletion.workflow_id,
      deletion.source_key,
      deletion.staging_oid,
      deletion.table_oid,
      deletion.table_name,
      deletion.columns,
    ],
  );
}

/**
 * Drops the tables that were in use when their task was deleted.
 * @throws the error of PostgreSQL: 55P03 when one still is
 */
export async function dropLeftTables(pool: pg.Pool, deletion: Deletion): Promise<void> {
  const { staging_oid, table_oid: oid, table_name: name, columns } = deletion;
  if (staging_oid === null && oid === null) return;
  await withTransaction(pool, async (client) => {
    await client.query(`SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`);
    await dropStaging(client, staging_oid);
    if (oid !== null && name !== null && columns !== null) await dropPublished(client, { oid, name, columns });
  });
}

/** Records that nothing of a deleted task remains. */
export async function forgetDeletion(pool: pg.Pool, { task_id }: Deletion): Promise<void> {
  await pool.query('DELETE FROM long_task.deletions WHERE task_id = $1', [task_id]);
}

/** In seconds: a deletion that cannot be finished is tried again after twice as long each time. */
const FIRST_WAIT = 3;
const LONGEST_WAIT = 300;

/** Claims deletions that are due; another sweeper does not get the same ones. */
export async function claimDeletions(pool: pg.Pool, limit: number): Promise<Deletion[]> {
  const { rows } = await pool.query<Deletion>(
    `UPDATE long_task.deletions d
        SET attempts = attempts + 1,
            due_at = now() + make_interval(secs => least(${LONGEST_WAIT}, ${FIRST_WAIT} * 2 ^ least(attempts, 10)))
       FROM (SELECT task_id FROM long_task.deletions WHERE due_at <= now() ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED) due
      WHERE d.task_id = due.task_id
     RETURNING d.task_id, workflow_id, source_key, staging_oid, table_oid, table_name, columns`,
    [limit],
  );
  return rows;
}
