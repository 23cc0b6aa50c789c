import type pg from 'pg';
import type { TaskRow } from '../tasks/tasks.js';
import { ROW_COLUMN } from './staging.js';

/** What proves that a table is the one that an upload has published. */
export interface Published {
  oid: number;
  /** Qualified and quoted, as it was published. */
  name: string;
  /** Its columns then, in order. */
  columns: string[];
}

/** The table that an upload has published, whether it is still there or not; null when the task has published none. */
export function publishedBy({ kind, table_oid, table_name, columns }: TaskRow): Published | null {
  if (kind !== 'upload' || table_oid === null || table_name === null) return null;
  return { oid: table_oid, name: table_name, columns: [ROW_COLUMN, ...(columns ?? []).map(({ name }) => name)] };
}

/**
 * Finds the table by its oid, also under another name. In a database that was loaded from a dump the oid may be that of
 * another table, so it must also have the name or the columns with which it was published.
 * @returns its present name, qualified and quoted; null when it is gone
 */
async function findPublished(client: pg.ClientBase, { oid, name, columns }: Published): Promise<string | null> {
  const { rows } = await client.query(
    `SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.oid = $1 AND c.relkind = 'r'
        AND (c.oid = to_regclass($2) OR $3::text[] = ARRAY(
              SELECT attname::text FROM pg_attribute
               WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped ORDER BY attnum))`,
    [oid, name, columns],
  );
  return rows[0]?.name ?? null;
}

/**
 * Drops the table that an upload has published, and no other. Nothing happens when it is gone.
 * @throws the error of PostgreSQL: 2BP01 when others depend on it
 */
export async function dropPublished(client: pg.ClientBase, published: Published): Promise<void> {
  const name = await findPublished(client, published);
  if (name !== null) await client.query(`DROP TABLE ${name}`);
}

const MAX_NAMED = 5;

/**
 * Names what depends on a table from outside: views, foreign keys, inheriting tables, functions that take its rows. A
 * few of them.
 */
export async function listDependents(client: pg.ClientBase, oid: number): Promise<string[]> {
  const { rows } = await client.query(
    `WITH RECURSIVE own (classid, objid) AS (
       SELECT 'pg_class'::regclass::oid, $1::oid
        UNION SELECT d.classid, d.objid FROM pg_depend d JOIN own ON d.refclassid = own.classid AND d.refobjid = own.objid
               WHERE d.deptype IN ('a', 'i')
     )
     SELECT DISTINCT coalesce((SELECT 'view ' || r.ev_class::regclass FROM pg_rewrite r
                                WHERE d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid),
                              pg_describe_object(d.classid, d.objid, 0)) AS name
       FROM pg_depend d JOIN own ON d.refclassid = own.classid AND d.refobjid = own.objid
      WHERE d.deptype = 'n' AND (d.classid, d.objid) NOT IN (SELECT classid, objid FROM own)
      ORDER BY 1 LIMIT ${MAX_NAMED + 1}`,
    [oid],
  );
  const names = rows.map((row) => row.name as string);
  return names.length > MAX_NAMED ? [...names.slice(0, MAX_NAMED), 'and others'] : names;
}
