import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { keyOf } from '../src/storage/store-path.js';
import { folderContents } from './contents.js';
import { LOCK_CLASS } from './task-watch.js';

/**
 * Lists what the service holds that no ended task may leave behind, one line each: unfinished tasks, staging tables,
 * parts, rejects, sessions, transactions, advisory locks and files. Tables of uploads and result files of downloads are
 * results.
 */
export async function findLeftovers(db: pg.Pool, filesDir: string): Promise<string[]> {
  return [...(await inDatabase(db)), ...(await inFiles(db, filesDir))];
}

/** Waits until there are no leftovers or the time is over, and lists the remaining ones. */
export async function awaitNoLeftovers(db: pg.Pool, filesDir: string, milliseconds = 5_000): Promise<string[]> {
  for (const end = performance.now() + milliseconds; ; await sleep(50)) {
    const left = await findLeftovers(db, filesDir);
    if (left.length === 0 || performance.now() > end) return left;
  }
}

async function inDatabase(db: pg.Pool): Promise<string[]> {
  const { rows } = await db.query(
    `SELECT 'task ' || task_name || ', ' || state AS what FROM long_task.tasks
      WHERE state NOT IN ('completed', 'terminated', 'failed')
     UNION ALL SELECT 'staging table ' || relname FROM pg_class
                WHERE relnamespace = 'long_task_staging'::regnamespace AND relkind = 'r'
     UNION ALL SELECT 'part of ' || task_id FROM long_task.parts
     UNION ALL SELECT DISTINCT 'reject of ' || r.task_id FROM long_task.rejects r LEFT JOIN long_task.tasks t ON t.id = r.task_id
                WHERE t.state IS DISTINCT FROM 'completed' OR (t.receipt ->> 'rows_rejected')::bigint = 0
     UNION ALL SELECT 'session ' || application_name FROM pg_stat_activity
                WHERE datname = current_database() AND application_name ~ '^long-task [0-9]'
     UNION ALL SELECT 'transaction of ' || application_name FROM pg_stat_activity
                WHERE datname = current_database() AND state LIKE 'idle in transaction%'
     UNION ALL SELECT 'lock of ' || pid FROM pg_locks WHERE locktype = 'advisory' AND classid = $1
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
     UNION ALL SELECT 'prepared transaction ' || gid FROM pg_prepared_xacts WHERE database = current_database()`,
    [LOCK_CLASS],
  );
  return rows.map(({ what }) => what);
}

async function inFiles(db: pg.Pool, filesDir: string): Promise<string[]> {
  const { rows } = await db.query(`SELECT result ->> 'key' AS key FROM long_task.tasks WHERE result IS NOT NULL`);
  const results = new Set(rows.map(({ key }) => key));
  const files = [...(await folderContents(filesDir))].filter(([, content]) => content !== 'folder');
  return files.flatMap(([name]) => (results.has(keyOf(name)) ? [] : [`file ${name}`]));
}
