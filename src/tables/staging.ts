import type pg from 'pg';
import { TaskError } from '../contract/errors.js';
import { quoteIdent, quoteLiteral } from '../postgres/copy.js';
import { queryAll } from '../postgres/pool.js';
import type { Column, TaskRow } from '../tasks/tasks.js';
import { firstFreeName, longestName, withSuffix } from './table-names.js';

/** The schema of tables that are not published yet. */
export const STAGING_SCHEMA = 'long_task_staging';

/** The number of the row in the file: key of the table, proof of exactly-once, order of the export. */
export const ROW_COLUMN = '_row';

/**
 * Makes the staging table of an upload, inside the fence, and stores its oid. Keeps a table that an earlier attempt
 * made, whose reply was lost after the commit.
 */
export async function createStaging(client: pg.ClientBase, task: TaskRow): Promise<void> {
  const definitions = task.columns!.map((column) => `${quoteIdent(column.name)} ${column.type}`);
  if (task.staging_oid !== null) return checkStaging(client, task.staging_oid, task.lock_key, task.columns!);
  await client.query(
    `CREATE TABLE ${stagingTable(task.lock_key)} (${[`${quoteIdent(ROW_COLUMN)} bigint NOT NULL`, ...definitions].join(', ')})
       WITH (autovacuum_enabled = false)`,
  );
  await rememberStaging(client, task.id, task.lock_key);
}

/**
 * Returns the number (attnum) of the file's column `index`, from 0, in the table of its upload, after the row numbers.
 */
export function attributeNumber(index: number): number {
  return index + 2;
}

/** Writes down which table was made, in the transaction that made it and inside the fence. Returns its oid. */
export async function rememberStaging(client: pg.ClientBase, taskId: string, lockKey: number): Promise<number> {
  const { rows } = await client.query(
    'UPDATE long_task.tasks SET staging_oid = $2::regclass WHERE id = $1 RETURNING staging_oid',
    [taskId, stagingTable(lockKey)],
  );
  return rows[0].staging_oid;
}

/** The qualified name of a task's staging table. */
export function stagingTable(lockKey: number): string {
  return `${STAGING_SCHEMA}.task_${lockKey}`;
}

/**
 * Checks that the staging table is still the one that was made (by oid) with the columns it was given.
 * @throws {TaskError} target_changed
 */
export async function checkStaging(
  client: pg.ClientBase,
  oid: number | null,
  lockKey: number,
  columns: Column[],
): Promise<void> {
  const { rows } = await client.query(
    `SELECT attname AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute
      WHERE attrelid = to_regclass($1) AND attrelid = $2 AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
    [stagingTable(lockKey), oid],
  );
  const found = rows.map((row) => row.name).join('\n');
  const expected = [ROW_COLUMN, ...columns.map((column) => column.name)].join('\n');
  if (found !== expected) {
    throw new TaskError(
      'target_changed',
      rows.length === 0
        ? 'Another session dropped or replaced the table into which the task loads.'
        : 'Another session changed the columns of the table into which the task loads.',
    );
  }
}

/** Drops the staging table, the very one that was made: a table of the same name with another oid is left alone. */
export async function dropStaging(client: pg.ClientBase, oid: number | null): Promise<void> {
  if (oid === null) return;
  const { rows } = await client.query(
    `SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1 AND n.nspname = $2`,
    [oid, STAGING_SCHEMA],
  );
  if (rows[0]) await client.query(`DROP TABLE ${rows[0].name}`);
}

/** Builds the unique index that becomes the primary key: the database's own proof that no row is there twice. */
export async function buildRowIndex(client: pg.ClientBase, lockKey: number): Promise<void> {
  await client.query(
    `CREATE UNIQUE INDEX IF NOT EXISTS task_${lockKey}_row ON ${stagingTable(lockKey)} (${quoteIdent(ROW_COLUMN)})`,
  );
}

/** How many rows are in the staging table, and the sum of their numbers. */
export async function countStaged(client: pg.ClientBase, lockKey: number): Promise<{ count: number; sum: bigint }> {
  const { rows } = await client.query(
    `SELECT count(*) AS count, coalesce(sum(${quoteIdent(ROW_COLUMN)}), 0)::text AS sum FROM ${stagingTable(lockKey)}`,
  );
  return { count: rows[0].count, sum: BigInt(rows[0].sum) };
}

/**
 * Makes the finished table visible under its name in the schema `public`, in the caller's transaction. When the
 * requested name is already in use, the next free one is used (`sales_2`).
 * @returns the qualified, quoted name
 */
export async function publishTable(client: pg.ClientBase, lockKey: number, wished: string): Promise<string> {
  const taken = await takenNames(client);
  const name = firstFreeName(wished, taken);
  // With the suffix, a long name that ends in `_pkey` is cut to the table's own name.
  const pkey = firstFreeName(withSuffix(name, '_pkey'), taken.add(name));
  await queryAll(client, [
    `ALTER TABLE ${stagingTable(lockKey)} ADD CONSTRAINT ${quoteIdent(pkey)} PRIMARY KEY USING INDEX task_${lockKey}_row`,
    `ALTER TABLE ${stagingTable(lockKey)} RESET (autovacuum_enabled)`,
    `ALTER TABLE ${stagingTable(lockKey)} RENAME TO ${quoteIdent(name)}`,
    `ALTER TABLE ${STAGING_SCHEMA}.${quoteIdent(name)} SET SCHEMA public`,
  ]);
  return `${quoteIdent('public')}.${quoteIdent(name)}`;
}

async function takenNames(client: pg.ClientBase): Promise<Set<string>> {
  const rows = await queryAll(client, [
    // One publish at a time chooses names, so that two of them do not choose the same.
    `SELECT pg_advisory_xact_lock(hashtext('long_task publish'))`,
    `SELECT relname FROM pg_class WHERE relnamespace IN ('public'::regnamespace, ${quoteLiteral(STAGING_SCHEMA)}::regnamespace)
      UNION SELECT typname FROM pg_type WHERE typnamespace = 'public'::regnamespace`,
  ]);
  return new Set(rows.map((row) => row.relname as string));
}

/** Whether a table, view or index of this name is in the schema `public`. */
export async function isTableNameTaken(db: pg.Pool | pg.ClientBase, name: string): Promise<boolean> {
  const { rows } = await db.query(
    `SELECT EXISTS (SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname = $1) AS taken`,
    [longestName(name)],
  );
  return rows[0].taken;
}
