import pg from 'pg';
import { expect, inject, test } from 'vitest';
import { canConnect, freePort } from '../../launcher/ports.js';
import { migrate } from '../../src/postgres/migrate.js';
import { createDatabase, prepareTemplate } from '../support/servers.js';

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query({ text: sql, rowMode: 'array' })).rows;
  } finally {
    await client.end();
  }
}

test('the run has a Temporal server and a PostgreSQL 18 that checks passwords', async () => {
  const [host = '', port] = inject('temporalAddress').split(':');
  expect(await canConnect(Number(port), host)).toBe(true);
  expect(await query(inject('databaseUrl'), 'show server_version_num')).toEqual([[expect.stringMatching(/^18/)]]);
  const wrong = Object.assign(new URL(inject('databaseUrl')), { password: 'wrong' }).href;
  await expect(query(wrong, 'select 1')).rejects.toThrow('password authentication failed');
});

test('a database of its own is there until it is dropped, sessions in it or not', async () => {
  const { url, drop } = await createDatabase(inject('databaseUrl'));
  const held = new pg.Client({ connectionString: url });
  held.on('error', () => {});
  await held.connect();
  await query(url, 'create table t (i int)');
  await drop();
  await expect(query(url, 'select 1')).rejects.toThrow('does not exist');
});

test('the template is made once, and every later database is a copy of it', async () => {
  let calls = 0;
  const countingMigrate = async (url: string) => {
    calls++;
    await migrate(url);
  };
  await Promise.all([1, 2, 3].map(() => prepareTemplate(inject('databaseUrl'), countingMigrate)));
  expect(calls).toBeLessThanOrEqual(1);
  const { url, drop } = await createDatabase(inject('databaseUrl'));
  expect(await query(url, "select to_regclass('long_task.tasks') is not null")).toEqual([[true]]);
  await drop();
});

test('a free port has no listener', async () => {
  expect(await canConnect(await freePort(), '127.0.0.1')).toBe(false);
});
