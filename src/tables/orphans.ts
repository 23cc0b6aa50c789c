import type pg from 'pg';
import { withTransaction } from '../postgres/pool.js';
import { hasState } from '../postgres/sqlstate.js';
import { UNFINISHED } from '../tasks/tasks.js';
import { STAGING_SCHEMA } from './staging.js';

/** Returns whether there is any task. */
export async function hasTasks(pool: pg.Pool): Promise<boolean> {
  const { rows } = await pool.query('SELECT EXISTS (SELECT FROM long_task.tasks) AS found');
  return rows[0].found;
}

/** Returns those of the keys that are the source of some task that has not ended. */
export async function listNeededSources(pool: pg.Pool, keys: string[]): Promise<Set<string>> {
  const { rows } = await pool.query(
    `SELECT source ->> 'key' AS key FROM long_task.tasks
      WHERE ${UNFINISHED} AND source ->> 'key' = ANY ($1::text[])`,
    [keys],
  );
  return new Set(rows.map((row) => row.key));
}

/** A task that may have objects in the file store. */
export interface Owner {
  id: string;
  /** Whether attempts may still write some, or a workflow has to tidy. */
  isAtWork: boolean;
  /** The key of its result. */
  result: string | null;
}

/** Finds the tasks with these ids. */
export async function listOwners(pool: pg.Pool, ids: string[]): Promise<Map<string, Owner>> {
  const { rows } = await pool.query<Owner>(
    `SELECT id, result ->> 'key' AS result,
            ${UNFINISHED} OR EXISTS (SELECT FROM long_task.parts p WHERE p.task_id = t.id) AS "isAtWork"
       FROM long_task.tasks t WHERE id = ANY ($1::uuid[])`,
    [ids],
  );
  return new Map(rows.map((owner) => [owner.id, owner]));
}

/** How long a drop waits; the next sweep tries again. */
const LOCK_TIMEOUT_MS = 500;

/**
 * Drops the staging tables whose task is gone.
 * @returns the names of those that were dropped
 */
export async function dropOrphanedStaging(pool: pg.Pool): Promise<string[]> {
  const dropped: string[] = [];
  for (const { oid, name } of await listOrphanedStaging(pool)) {
    const isDropped = await withTransaction(pool, (client) => dropOrphan(client, oid, name)).catch(falseWhenInUse);
    if (isDropped) dropped.push(name);
  }
  return dropped;
}

/**
 * Drops a table after a second look under its lock: another sweeper may have dropped it, and a task may have made one
 * of its name.
 */
async function dropOrphan(client: pg.ClientBase, oid: number, name: string): Promise<boolean> {
  await client.query(`SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`);
  await client.query(`LOCK TABLE ${name} IN ACCESS EXCLUSIVE MODE`);
  const isStill = (await listOrphanedStaging(client)).some((orphan) => orphan.oid === oid && orphan.name === name);
  if (isStill) await client.query(`DROP TABLE ${name}`);
  return isStill;
}

/** Returns false where another session uses the table, or another sweeper was first. */
function falseWhenInUse(error: unknown): false {
  if (hasState(error, 'lock_not_available', 'undefined_table')) return false;
  throw error;
}

/** Lists the staging tables without a task, by oid and by the number in their names: a loaded dump has new oids. */
async function listOrphanedStaging(db: pg.Pool | pg.ClientBase): Promise<{ oid: number; name: string }[]> {
  const { rows } = await db.query(
    `SELECT c.oid, c.oid::regclass::text AS name FROM pg_class c
      WHERE relnamespace = to_regnamespace($1) AND relkind = 'r' AND relname ~ '^task_[0-9]{1,10}$'
        AND NOT EXISTS (SELECT FROM long_task.tasks
                         WHERE staging_oid = c.oid OR lock_key = substr(relname::text, 6)::bigint)
        AND NOT EXISTS (SELECT FROM long_task.deletions WHERE staging_oid = c.oid)`,
    [STAGING_SCHEMA],
  );
  return rows;
}
