import type pg from 'pg';
import { quoteIdent } from '../postgres/copy.js';
import type { Column } from '../tasks/tasks.js';
import { grantExport, IS_FORBIDDEN, IS_NAMED, type TablePattern } from './export-tables.js';

/** One half of a table's name as a caller wrote it. */
export interface WrittenName {
  name: string;
  quoted: boolean;
}

/** Where tables are looked for, and which of them may be exported. */
export interface Exportable {
  /** Grants a table to the role of exports, which waits for its lock. */
  pool: pg.Pool;
  /** Its role must be able to read the table. */
  exportPool: pg.Pool;
  tables: TablePattern[];
  /**
   * Exports have no role of their own: views and foreign tables must be listed by name, since their code runs as it.
   */
  isOneRole: boolean;
}

/**
 * Finds a table, view or foreign table that is listed and that the role of exports can read, or is now granted. An
 * unquoted name matches as it is written, else in lower case.
 * @returns its qualified, quoted name and its oid; null when there is none
 */
export async function findTable(
  exportable: Exportable,
  schema: WrittenName,
  table: WrittenName,
): Promise<{ table: string; oid: number } | null> {
  for (const { schema: inSchema, name, oid, isReadable } of await listCandidates(exportable, schema, table))
    if (isReadable || (await grantExport(exportable.pool, oid)))
      return { table: `${quoteIdent(inSchema)}.${quoteIdent(name)}`, oid };
  return null;
}

interface Candidate {
  schema: string;
  name: string;
  oid: number;
  isReadable: boolean;
}

async function listCandidates(
  { exportPool, tables, isOneRole }: Exportable,
  schema: WrittenName,
  table: WrittenName,
): Promise<Candidate[]> {
  const { rows } = await exportPool.query<Candidate>(
    `SELECT n.nspname AS schema, c.relname AS name, c.oid,
            has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AS "isReadable"
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = ANY ($1) AND c.relname = ANY ($2) AND c.relkind IN ('r', 'p', 'm', 'v', 'f')
        AND NOT ${IS_FORBIDDEN}
        AND EXISTS (SELECT FROM unnest($5::text[], $6::text[], $7::bool[]) AS p (schema, "table", is_exact)
                     WHERE ${IS_NAMED} AND (p.is_exact OR NOT $8 OR c.relkind IN ('r', 'p', 'm')))
      ORDER BY (n.nspname = $3) DESC, (c.relname = $4) DESC`,
    [
      spellings(schema),
      spellings(table),
      schema.name,
      table.name,
      tables.map((pattern) => pattern.schema),
      tables.map((pattern) => pattern.table),
      tables.map((pattern) => pattern.isExact),
      isOneRole,
    ],
  );
  return rows;
}

/** Returns the columns of a table, as an export of it has them. */
export async function listColumns(db: pg.Pool, oid: number): Promise<Column[]> {
  const { rows } = await db.query(
    `SELECT attname AS original, attname AS name, format_type(atttypid, atttypmod) AS type,
            'the column of the table' AS evidence, attnum AS number
       FROM pg_attribute WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
    [oid],
  );
  return rows;
}

/** Whether the very table that was published under this qualified, quoted name is still there. */
export async function tableExists(db: pg.Pool, qualified: string, oid: number): Promise<boolean> {
  const { rows } = await db.query('SELECT to_regclass($1) = $2::oid AS there', [qualified, oid]);
  return rows[0].there === true;
}

function spellings({ name, quoted }: WrittenName): string[] {
  return quoted ? [name] : [name, name.toLowerCase()];
}
