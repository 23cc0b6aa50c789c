import { beforeAll, describe, expect, it } from 'vitest';
import { withClient } from '../../src/postgres/pool.js';
import { createGrantFunction, parseExportTables } from '../../src/tables/export-tables.js';
import { findTable } from '../../src/tables/find-table.js';
import { useDatabase } from '../postgres/support.js';

const db = useDatabase();
const ROLES = { app: 'long_task_app', exporter: 'long_task_export' };

beforeAll(async () => {
  // As they are outside of tests: only the superuser reads what it creates.
  await db.pool.query('ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM long_task_export');
  await db.pool.query('ALTER DEFAULT PRIVILEGES REVOKE USAGE ON SCHEMAS FROM long_task_export');
  await db.pool.query(`
    CREATE SCHEMA reports; CREATE SCHEMA "a_b"; CREATE SCHEMA axb; CREATE SCHEMA temporal;
    CREATE TABLE public.plain (a int); CREATE TABLE public."Odd ""name" (a int);
    CREATE TABLE public.parted (a int) PARTITION BY RANGE (a);
    CREATE MATERIALIZED VIEW public.stored AS SELECT 1 AS a;
    CREATE VIEW public.of_owner AS SELECT 1 AS a; CREATE VIEW public.unlisted AS SELECT 1 AS a; CREATE VIEW public.by_hand AS SELECT 1 AS a;
    CREATE VIEW public.of_reader WITH (security_invoker) AS SELECT * FROM public.plain;
    CREATE VIEW public.of_owner_too WITH (security_invoker = off) AS SELECT 1 AS a;
    CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE public.far (a int) SERVER s;
    CREATE TABLE reports.sales_2025 (a int); CREATE TABLE reports.staff (a int);
    CREATE TABLE "a_b".t (a int); CREATE TABLE axb.t (a int); CREATE TABLE temporal.t (a int);
    GRANT SELECT ON public.by_hand TO long_task_export`);
});

async function find(exportTables: string, name: string, isOneRole = false): Promise<string | undefined> {
  const tables = parseExportTables(exportTables);
  await withClient(db.pool, (client) => createGrantFunction(client, tables, ROLES));
  const [schema, table] = name.split('.') as [string, string];
  const pools = isOneRole ? { pool: db.pool, exportPool: db.pool } : { pool: db.appPool, exportPool: db.exportPool };
  const found = await findTable(
    { ...pools, tables, isOneRole },
    { name: schema, quoted: true },
    { name: table, quoted: true },
  );
  if (found && !isOneRole) await db.exportPool.query(`SELECT FROM ${found.table}`);
  return found?.table.replace(/^"(\w+)"\."(\w+)"$/, '$1.$2');
}

describe('EXPORT_TABLES', () => {
  it.each([
    ['public.*', 'public.plain'],
    ['public.*', 'public.parted'],
    ['public.*', 'public.stored'],
    ['public.*', 'public.of_reader'],
    ['public.*', 'public.by_hand'],
    ['public.plain', 'public.plain'],
    ['public.of_owner', 'public.of_owner'],
    ['reports.sales_*', 'reports.sales_2025'],
    ['*.*', 'reports.staff'],
    ['a_b.*', 'a_b.t'],
    ['public.x, reports.st*', 'reports.staff'],
  ])('%s: %s may be exported, although it was not granted before', async (list, name) => {
    expect(await find(list, name)).toBe(name);
  });

  it('a name that needs quotes', async () => {
    expect(await find('public.*', 'public.Odd "name')).toBe('"public"."Odd ""name"');
  });

  it.each([
    ['none', 'public.plain'],
    ['public.*', 'reports.staff'],
    ['public.*', 'public.unlisted'],
    ['public.*', 'public.of_owner_too'],
    ['public.*', 'public.far'],
    ['*.*', 'public.far'],
    ['reports.sales_*', 'reports.staff'],
    ['a_b.*', 'axb.t'],
    ['public.plai', 'public.plain'],
    ['*.*', 'pg_catalog.pg_class'],
    ['*.*', 'information_schema.tables'],
    ['*.*', 'long_task.tasks'],
    ['long_task.tasks', 'long_task.tasks'],
    ['*.*', 'temporal.t'],
    ['*.*', 'public.not_there'],
  ])('%s: %s may not', async (list, name) => {
    expect(await find(list, name)).toBeUndefined();
  });

  it('takes effect on what was granted under an earlier one', async () => {
    expect(await find('public.*', 'public.plain')).toBe('public.plain');
    expect(await find('reports.*', 'public.plain')).toBeUndefined();
  });

  it('is granted once when several ask at the same time', async () => {
    await db.pool.query('CREATE TABLE public.wanted (a int)');
    const tables = parseExportTables('public.*');
    await withClient(db.pool, (client) => createGrantFunction(client, tables, ROLES));
    const asked = { name: 'wanted', quoted: false };
    const exportable = { pool: db.appPool, exportPool: db.exportPool, tables, isOneRole: false };
    const found = await Promise.all(
      Array.from({ length: 10 }, () => findTable(exportable, { name: 'public', quoted: false }, asked)),
    );
    expect(found.map((one) => one?.table)).toEqual(Array(10).fill('"public"."wanted"'));
  });

  it('with one role for everything: code of views runs as that role, so they must be listed', async () => {
    expect(await find('public.*', 'public.plain', true)).toBe('public.plain');
    for (const name of ['public.of_owner', 'public.of_reader', 'public.far'])
      expect(await find('public.*', name, true)).toBeUndefined();
    expect(await find('public.of_owner', 'public.of_owner', true)).toBe('public.of_owner');
  });
});
