import type pg from 'pg';
import { quoteIdent, quoteLiteral } from '../postgres/copy.js';

/** A pair of LIKE patterns: tables that every user may export, not only their owner. */
export interface TablePattern {
  schema: string;
  table: string;
  /** Without a star: it names one table, which may then be a view or a foreign table too. */
  isExact: boolean;
}

/** Reads EXPORT_TABLES: `public.*, reporting.sales_*`, or `none`. */
export function parseExportTables(text: string): TablePattern[] {
  if (text.trim() === 'none') return [];
  return text.split(',').map((written) => {
    const [schema = '', table = ''] = written.trim().split('.');
    return { schema: asLike(schema), table: asLike(table), isExact: !written.includes('*') };
  });
}

function asLike(text: string): string {
  return text.replace(/[\\%_]/g, '\\$&').replaceAll('*', '%');
}

/**
 * The condition on a schema `n` of PostgreSQL, of this service or of Temporal: no grant opens its tables for export.
 */
export const IS_FORBIDDEN = `n.nspname ~* '^(pg_.*|information_schema|long_task|long_task_staging|temporal.*)$'`;

/** The condition on a table `c` in a schema `n` that a pattern `p` names it. */
export const IS_NAMED = 'n.nspname LIKE p.schema AND c.relname LIKE p.table';

/**
 * The condition that the pattern also allows granting the table. A view reads with the rights of its owner, and a
 * foreign table from another machine: a star means neither, but it means a view with `security_invoker`.
 */
const IS_MEANT = `NOT ${IS_FORBIDDEN} AND ${IS_NAMED}
  AND (p.is_exact OR c.relkind IN ('r', 'p', 'm') OR c.relkind = 'v' AND EXISTS (
    SELECT FROM pg_options_to_table(c.reloptions) WHERE option_name = 'security_invoker' AND option_value::boolean))`;

/**
 * Creates the function that grants a listed table to the exporter, with the administrator's right, when the app calls
 * it: tables may be created at any time. The list is a part of its text, which only the administrator can change.
 */
export async function createGrantFunction(
  client: pg.ClientBase,
  patterns: TablePattern[],
  roles: { app: string; exporter: string },
): Promise<void> {
  const list = patterns.map((p) => `(${quoteLiteral(p.schema)}, ${quoteLiteral(p.table)}, ${p.isExact})`);
  const listed =
    list.length === 0
      ? 'false'
      : `EXISTS (
    SELECT FROM (VALUES ${list.join(', ')}) AS p (schema, "table", is_exact) WHERE ${IS_MEANT})`;
  const exporter = quoteIdent(roles.exporter);
  const body = `
    DECLARE target record;
    BEGIN
      SELECT n.nspname AS schema, c.relname AS name INTO target FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE c.oid = wanted AND c.relkind IN ('r', 'p', 'm', 'v', 'f') AND ${listed};
      IF NOT FOUND THEN RETURN false; END IF;
      PERFORM pg_advisory_xact_lock(hashtext('long_task grant'));
      EXECUTE format('GRANT USAGE ON SCHEMA %I TO ${exporter}', target.schema);
      EXECUTE format('GRANT SELECT ON TABLE %I.%I TO ${exporter}', target.schema, target.name);
      RETURN true;
    EXCEPTION WHEN insufficient_privilege THEN RETURN false;
    END`;
  await client.query(
    `CREATE OR REPLACE FUNCTION long_task.grant_export(wanted oid) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
       SET search_path = pg_catalog, pg_temp AS ${quoteLiteral(body)}`,
  );
  await client.query('REVOKE ALL ON FUNCTION long_task.grant_export FROM PUBLIC');
  await client.query(`GRANT EXECUTE ON FUNCTION long_task.grant_export TO ${quoteIdent(roles.app)}`);
}

/** Grants the exporter all listed tables that exist. */
export async function grantListed(client: pg.ClientBase): Promise<void> {
  await client.query(
    `SELECT count(long_task.grant_export(oid)) FROM pg_class WHERE relkind IN ('r', 'p', 'm', 'v', 'f') AND oid >= 16384`,
  );
}

/** Has a table granted to the exporter. Returns false when it is not listed, or when no set-up created the function. */
export async function grantExport(pool: pg.Pool, oid: number): Promise<boolean> {
  const { rows } = await pool.query(`SELECT to_regprocedure('long_task.grant_export(oid)') IS NOT NULL AS there`);
  if (!rows[0].there) return false;
  return (await pool.query('SELECT long_task.grant_export($1) AS granted', [oid])).rows[0].granted;
}
