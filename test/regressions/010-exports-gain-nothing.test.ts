import { afterAll, beforeAll, expect, it } from 'vitest';
import { quoteLiteral } from '../../src/postgres/copy.js';
import { useOwnService } from '../e2e/service.js';

const service = useOwnService();
/** A plain role that may make a schema, a function and a view, and nothing else. */
const ROLE = `mallory_${process.pid}`;

/** What the code of its view tries while the view is exported. */
const DEEDS = [
  `ALTER ROLE ${ROLE} SUPERUSER`,
  `SET LOCAL transaction_read_only = off`,
  `SET ROLE long_task_app`,
  `SET ROLE postgres`,
  `SET SESSION AUTHORIZATION postgres`,
  `UPDATE long_task.tasks SET state = 'failed'`,
  `SELECT 1 FROM long_task.tasks`,
  `SELECT 1 FROM pg_authid`,
  `SELECT pg_read_file('/etc/hostname')`,
  `SELECT 1 / count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename IN ('long_task_app', 'postgres')`,
  `CREATE TABLE public.taken AS SELECT 1`,
  `COPY (SELECT 1) TO PROGRAM 'true'`,
  `COPY (SELECT 1) TO '/tmp/long-task-attack'`,
  `ALTER SYSTEM SET work_mem = '1MB'`,
  `CREATE EXTENSION citext`,
  `SELECT lo_create(0)`,
];

/** Returns the role it runs as and the deeds that succeeded. */
const CODE = `
  DECLARE done text := '';
  BEGIN
    BEGIN RESET ROLE; RESET SESSION AUTHORIZATION; EXCEPTION WHEN OTHERS THEN NULL; END;
    done := 'as ' || current_user || ':';
    ${DEEDS.map(
      (deed) => `BEGIN
        EXECUTE ${quoteLiteral(deed)};
        done := done || ${quoteLiteral(`${deed};`)};
      EXCEPTION WHEN OTHERS THEN NULL; END;`,
    ).join('\n')}
    RETURN done;
  END`;

beforeAll(async () => {
  await service.pool.query(`CREATE ROLE ${ROLE}; CREATE SCHEMA evil AUTHORIZATION ${ROLE}`);
  await service.pool.query(`SET ROLE ${ROLE};
    CREATE FUNCTION evil.f() RETURNS text LANGUAGE plpgsql VOLATILE AS ${quoteLiteral(CODE)};
    CREATE VIEW evil.v AS SELECT evil.f() AS f;
    CREATE DOMAIN evil.d AS text CHECK (evil.f() <> VALUE);
    CREATE TABLE evil.t (d text);
    INSERT INTO evil.t VALUES ('x');
    CREATE VIEW evil.domain AS SELECT evil.f() || d::evil.d AS f FROM evil.t;
    CREATE TABLE evil.policed (f text);
    INSERT INTO evil.policed VALUES ('seen'), ('hidden');
    CREATE POLICY seen ON evil.policed USING (f = 'seen' AND evil.f() IS NOT NULL);
    ALTER TABLE evil.policed ENABLE ROW LEVEL SECURITY;
    GRANT USAGE ON SCHEMA evil TO PUBLIC;
    GRANT SELECT ON ALL TABLES IN SCHEMA evil TO PUBLIC;
    RESET ROLE`);
});
afterAll(() => service.pool.query(`DROP SCHEMA evil CASCADE; DROP ROLE ${ROLE}`));

async function isSuperuser(): Promise<boolean> {
  return (await service.pool.query('SELECT rolsuper FROM pg_roles WHERE rolname = $1', [ROLE])).rows[0].rolsuper;
}

it.each([
  ['a view over its function', 'evil.v', 'live', 'f\nas long_task_export:\n'],
  ['a view over its function', 'evil.v', 'frozen', 'f\nas long_task_export:\n'],
  ['a view over a domain', 'evil.domain', 'frozen', 'f\nas long_task_export:x\n'],
  ['row-level security', 'evil.policed', 'live', 'f\nseen\n'],
  ['row-level security', 'evil.policed', 'frozen', 'f\nseen\n'],
] as const)('a plain role gains nothing by an export of %s (%s, %s)', async (_name, table, consistency, expected) => {
  const csv = await service.exported({ table, consistency });
  expect([await isSuperuser(), csv]).toEqual([false, expected]);
});
