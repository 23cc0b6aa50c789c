import type pg from 'pg';
import { quoteIdent } from './copy.js';

/** Schemas of PostgreSQL, of this service and of Temporal: their tables are nobody's to export. */
const FORBIDDEN = /^(pg_.*|information_schema|long_task|long_task_staging|temporal.*)$/i;

/** One half of a table's name as a caller wrote it. */
export interface WrittenName {
  name: string;
  quoted: boolean;
}

/**
 * Finds a table, view or foreign table that may be exported. A quoted name is taken as it is; an unquoted one too, and in
 * lower case when there is none of that very name.
 * @returns its qualified, quoted name and its oid; null when there is none that may be read
 */
export async function findTable(
  db: pg.Pool,
  schema: WrittenName,
  table: WrittenName,
): Promise<{ table: string; oid: number } | null> {
  const { rows } = await db.query(
    `SELECT n.nspname AS schema, c.relname AS name, c.oid
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = ANY ($1) AND c.relname = ANY ($2) AND c.relkind IN ('r', 'p', 'm', 'v', 'f')
        AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
      ORDER BY (n.nspname = $3) DESC, (c.relname = $4) DESC LIMIT 1`,
    [spellings(schema), spellings(table), schema.name, table.name],
  );
  if (!rows[0] || FORBIDDEN.test(rows[0].schema)) return null;
  return { table: `${quoteIdent(rows[0].schema)}.${quoteIdent(rows[0].name)}`, oid: rows[0].oid };
}

/** Whether the very table that was published under this qualified, quoted name is still there. */
export async function tableExists(db: pg.Pool, qualified: string, oid: number): Promise<boolean> {
  const { rows } = await db.query('SELECT to_regclass($1) = $2::oid AS there', [qualified, oid]);
  return rows[0].there === true;
}

function spellings({ name, quoted }: WrittenName): string[] {
  return quoted ? [name] : [name, name.toLowerCase()];
}
