import { readFileSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { addressesOf, prepareDatabase } from '../../launcher/postgres-roles.js';
import { copyIn } from '../../src/postgres/copy.js';
import { ensureSchema, migrate } from '../../src/postgres/migrate.js';
import { withClient } from '../../src/postgres/pool.js';
import { listExcessRights } from '../../src/roles/list-excess-rights.js';
import { type Addresses, setUpDatabase } from '../../src/roles/set-up.js';
import { endSessions, sessionName } from '../../src/tasks/fence.js';
import { useDatabase } from '../postgres/support.js';
import { createDatabase } from '../support/servers.js';

const db = useDatabase();

async function refusalOf(pool: pg.Pool, statement: string): Promise<string> {
  return pool.query(statement).then(
    () => 'done',
    (error: { code: string }) => error.code,
  );
}

const DENIED = '42501';

describe('neither role of the service', () => {
  it.each([
    ['CREATE EXTENSION citext'],
    ['CREATE EXTENSION file_fdw'],
    ['SELECT 1 FROM pg_authid'],
    ['SELECT 1 FROM pg_shadow'],
    ['SET ROLE postgres'],
    ['SET ROLE long_task_migrate'],
    ['SET SESSION AUTHORIZATION postgres'],
    [`ALTER SYSTEM SET work_mem = '1MB'`],
    ['ALTER ROLE CURRENT_USER SUPERUSER'],
    ['CREATE ROLE other'],
    ['CREATE DATABASE other'],
    ['CREATE SCHEMA other'],
    [`COPY (SELECT 1) TO PROGRAM 'true'`],
    [`COPY (SELECT 1) TO '/tmp/long-task-roles'`],
    [`SELECT pg_read_file('/etc/hostname')`],
    [`SELECT pg_ls_dir('/')`],
    [`SELECT lo_import('/etc/hostname')`],
    [`SELECT pg_reload_conf()`],
    [`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres'`],
    ['DROP TABLE long_task.tasks'],
    ['ALTER TABLE long_task.tasks DISABLE TRIGGER ALL'],
    ['DROP SCHEMA long_task_staging CASCADE'],
    [`DELETE FROM long_task.migrations`],
    [`CREATE TABLE long_task.mine ()`],
    [`CREATE FUNCTION long_task.grant_export(oid) RETURNS bool LANGUAGE sql AS 'SELECT true'`],
    ['SELECT 1 FROM long_task.applied_commands; TRUNCATE long_task.applied_commands'],
  ])('may %s', async (statement) => {
    expect([DENIED, '25006']).toContain(await refusalOf(db.exportPool, statement));
    expect(await refusalOf(db.appPool, statement)).toBe(DENIED);
  });

  it('is the other', async () => {
    for (const [pool, other] of [
      [db.appPool, 'long_task_export'],
      [db.exportPool, 'long_task_app'],
    ] as const)
      expect(await refusalOf(pool, `SET ROLE ${other}`)).toBe(DENIED);
  });

  it('has a right too many', async () => {
    expect(await listExcessRights(db.appPool, db.exportPool, false)).toEqual([]);
  });
});

describe('the role of exports', () => {
  it('sees nothing of the service', async () => {
    for (const name of ['long_task.tasks', 'long_task.rejects', 'long_task.migrations'])
      expect(await refusalOf(db.exportPool, `SELECT 1 FROM ${name}`)).toBe(DENIED);
    expect(await refusalOf(db.exportPool, 'SELECT long_task.grant_export(1)')).toBe(DENIED);
  });

  it('reads what the service has published, and not what it is loading', async () => {
    await db.appPool.query('CREATE TABLE long_task_staging.loading (a int)');
    expect(await refusalOf(db.exportPool, 'TABLE long_task_staging.loading')).toBe(DENIED);
    await db.appPool.query('ALTER TABLE long_task_staging.loading SET SCHEMA public');
    expect(await refusalOf(db.exportPool, 'TABLE public.loading')).toBe('done');
    expect(await refusalOf(db.exportPool, 'INSERT INTO public.loading VALUES (1)')).toMatch(/^(42501|25006)$/);
    expect(await refusalOf(db.exportPool, 'SET transaction_read_only = off; DROP TABLE public.loading')).toBe(DENIED);
  });

  it('waits for no lock for ever', async () => {
    const { rows } = await db.exportPool.query(
      `SELECT current_setting('lock_timeout') AS lock, current_setting('default_transaction_read_only') AS read_only`,
    );
    expect(rows).toEqual([{ lock: '5s', read_only: 'on' }]);
  });

  it('works in sessions that the app sees and ends, and that do not see the app’s', async () => {
    await withClient(db.exportPool, async (reader) => {
      reader.on('error', () => {});
      await reader.query(`SELECT set_config('application_name', $1, false)`, [sessionName(7, 'part 1')]);
      await withClient(
        db.appPool,
        async () => {
          const { rows } = await reader.query(
            `SELECT count(*) FILTER (WHERE application_name = $1) AS mine, count(*) FILTER (WHERE application_name = $2) AS other
               FROM pg_stat_activity WHERE datname = current_database()`,
            [sessionName(7, 'part 1'), sessionName(7, 'plan')],
          );
          expect(rows).toEqual([{ mine: 1, other: 0 }]);
        },
        sessionName(7, 'plan'),
      );
      expect(await withClient(db.appPool, (client) => endSessions(client, 7))).toBe(1);
      await expect(reader.query('SELECT 1')).rejects.toThrow();
      throw new Error('done'); // The session is gone.
    }).catch(() => {});
  });
});

describe('a database of an earlier version', () => {
  let old: { url: string; drop(): Promise<void> };
  let admin: pg.Client;
  let app: pg.Client;

  beforeAll(async () => {
    old = await createDatabase(inject('databaseUrl'), 'template1');
    await migrate(old.url);
    admin = new pg.Client({ connectionString: old.url });
    await admin.connect();
    await admin.query(`
      CREATE TABLE long_task_staging.task_1 (_row bigint, a text);
      CREATE TABLE public.published (_row bigint PRIMARY KEY, a text);
      INSERT INTO public.published VALUES (1, 'x');
      CREATE TABLE public.others (a text);
      INSERT INTO long_task.tasks (kind, user_id, task_name, workflow_id, options, state, table_oid)
      VALUES ('upload', 'ana', 'sales', 'upload/ana/sales', '{}', 'completed', 'public.published'::regclass)`);
    for (let i = 0; i < 2; i++) await prepareDatabase(old.url, 'public.*');
    app = new pg.Client({ connectionString: addressesOf(old.url).app });
    await app.connect();
  });
  afterAll(async () => {
    await Promise.all([admin?.end(), app?.end()]);
    await old?.drop();
  });

  it('changes owner: its schemas, what it was loading, what it has published, and nothing else', async () => {
    const { rows } = await admin.query(
      `SELECT n.nspname || '.' || relname AS name, relowner::regrole::text AS owner FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
        WHERE relkind IN ('r', 'S') AND n.nspname IN ('public', 'long_task', 'long_task_staging')
       UNION ALL SELECT nspname, nspowner::regrole::text FROM pg_namespace WHERE nspname LIKE 'long_task%'`,
    );
    const owners = new Map(rows.map(({ name, owner }) => [name, owner]));
    expect(owners.get('public.others')).toBe('postgres');
    for (const name of ['public.published', 'long_task_staging.task_1']) expect(owners.get(name)).toBe('long_task_app');
    owners.delete('public.others');
    owners.delete('public.published');
    owners.delete('long_task_staging.task_1');
    expect(new Set(owners.values())).toEqual(new Set(['long_task_migrate']));
  });

  it('is the app’s to work with, and the exporter’s to read', async () => {
    await app.query(`UPDATE long_task.tasks SET state = 'completed'`);
    await app.query('DROP TABLE long_task_staging.task_1');
    const exporter = new pg.Client({ connectionString: addressesOf(old.url).exporter });
    await exporter.connect();
    expect((await exporter.query('SELECT a FROM public.published')).rows).toEqual([{ a: 'x' }]);
    expect((await exporter.query('SELECT a FROM public.others')).rows).toEqual([]);
    await exporter.end();
    await app.query('DROP TABLE public.published');
  });

  it('needs no administrator to start, unless its schema is old', async () => {
    const { app: address } = addressesOf(old.url);
    await ensureSchema(address);
    await admin.query(`DELETE FROM long_task.migrations WHERE name = (SELECT max(name) FROM long_task.migrations)`);
    await expect(ensureSchema(address)).rejects.toThrow(/run `npm run setup:database`/);
  });
});

describe('a set-up', () => {
  it('by an administrator who is no superuser makes roles of any name', async () => {
    const boss = `boss_${process.pid}`;
    const database = await createDatabase(inject('databaseUrl'), 'template1');
    const name = new URL(database.url).pathname.slice(1);
    const as = (user: string) => Object.assign(new URL(database.url), { username: user, password: 'pass word' }).href;
    const addresses = { admin: as(boss), app: as(`a ${boss}`), exporter: as(`e-${boss}`) };
    await db.pool.query(
      `CREATE ROLE ${boss} LOGIN CREATEROLE PASSWORD 'pass word'; ALTER DATABASE ${name} OWNER TO ${boss}`,
    );
    try {
      for (let i = 0; i < 2; i++) await setUpDatabase(addresses, 'public.*');
      const app = new pg.Client({ connectionString: addresses.app });
      await app.connect();
      await app.query(
        'CREATE TABLE public.made (a int); INSERT INTO long_task.applied_commands SELECT id, id::text FROM long_task.tasks',
      );
      await app.end();
      const exporter = new pg.Client({ connectionString: addresses.exporter });
      await exporter.connect();
      await exporter.query('TABLE public.made');
      await exporter.end();
    } finally {
      await database.drop();
      await db.pool.query(`DROP ROLE "a ${boss}", "e-${boss}"; DROP ROLE ${boss}`);
    }
  });

  it.each<[string, (addresses: Addresses) => Addresses]>([
    ['the administrator as the app', ({ admin, exporter }) => ({ admin, app: admin, exporter })],
    ['one role as both', ({ admin, app }) => ({ admin, app, exporter: app })],
  ])('refuses %s, and leaves that role as it is', async (_name, change) => {
    await expect(setUpDatabase(change(addressesOf(db.url)), 'none')).rejects.toThrow(/must name two roles/);
    expect((await db.pool.query('SELECT rolsuper FROM pg_roles WHERE rolname = current_user')).rows).toEqual([
      { rolsuper: true },
    ]);
  });
});

describe('one role for everything', () => {
  it('gets a list of what it may do that it should not', async () => {
    expect(await listExcessRights(db.pool, db.pool, true)).toEqual([
      'the role "postgres" of DATABASE_URL is a superuser',
      expect.stringMatching(/^DATABASE_EXPORT_URL is not set/),
    ]);
    const role = `lesser_${process.pid}`;
    await db.pool.query(
      `CREATE ROLE ${role} LOGIN CREATEROLE BYPASSRLS PASSWORD 'x' IN ROLE pg_execute_server_program`,
    );
    const pool = new pg.Pool({
      connectionString: Object.assign(new URL(db.url), { username: role, password: 'x' }).href,
    });
    expect((await listExcessRights(pool, pool, true)).slice(0, -1)).toEqual([
      `the role "${role}" of DATABASE_URL may create roles (CREATEROLE)`,
      `the role "${role}" of DATABASE_URL is not held to row-level security (BYPASSRLS)`,
      `the role "${role}" of DATABASE_URL is a member of pg_execute_server_program`,
    ]);
    await pool.end();
    await db.pool.query(`DROP ROLE ${role}`);
  });
});

describe('the log of PostgreSQL', () => {
  it('has no value that was refused to the service', async () => {
    const canary = `canary-${process.pid}`;
    const load = (pool: pg.Pool, table: string) =>
      withClient(pool, async (client) => {
        await client.query(`CREATE TABLE long_task_staging.${table} (n int)`);
        const target = { table: `long_task_staging.${table}`, columns: ['n'] };
        await copyIn(client, target, Buffer.from(`${canary}-${table}\n`));
      });
    await expect(load(db.appPool, 'of_app')).rejects.toThrow(/canary/);
    await expect(db.exportPool.query(`SELECT '${canary}-of_export'::int`)).rejects.toThrow(/canary/);
    await expect(load(db.pool, 'of_admin')).rejects.toThrow(/canary/);
    const { rows } = await db.pool.query('SHOW data_directory');
    const log = readFileSync(path.join(rows[0].data_directory, '..', 'logs', 'postgres.log'), 'utf8');
    expect(log).toContain(`${canary}-of_admin`);
    expect(log).not.toContain(`${canary}-of_app`);
    expect(log).not.toContain(`${canary}-of_export`);
  });
});
