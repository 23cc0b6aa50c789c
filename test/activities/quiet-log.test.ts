import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freePort } from '../../launcher/ports.js';
import { type PostgresServer, startPostgres } from '../../launcher/postgres-server.js';
import { migrate } from '../../src/postgres/migrate.js';
import { createPool } from '../../src/postgres/pool.js';
import { ContentLoad } from './load-content.js';

let dataDir: string;
let server: PostgresServer;
let pool: pg.Pool;

beforeAll(async () => {
  dataDir = await mkdtemp(path.join(os.tmpdir(), 'long-task-quiet-'));
  const settings = { fsync: 'off', shared_buffers: '32MB' };
  server = await startPostgres({ dataDir, port: await freePort(), onLog: () => {}, settings });
  await migrate(server.url);
  pool = createPool({ connectionString: server.url, max: 3, applicationName: 'test', onError: () => {} });
});
afterAll(async () => {
  await pool?.end();
  await server?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

const log = async () => readFile(path.join(dataDir, 'logs', 'postgres.log'), 'utf8');

it('nothing of refused values reaches the log of the server', async () => {
  const rows = Array.from({ length: 5_000 }, (_, i) => (i % 2 ? `${i},canary-${i}` : `${i},canary-text`));
  const content = `n,v\n${rows.join('\n')}\n`;
  const load = await ContentLoad.of(pool, content, { columns: { v: 'integer' }, maxRejects: 5_000 });
  await load.run();
  expect((await load.rejects()).length).toBe(5_000);
  expect(await log()).not.toMatch(/ERROR|canary/);
});

it('of rows that the table refuses, the log says so once for a stretch of them', async () => {
  const content = `n\n${Array.from({ length: 5_000 }, (_, i) => i).join('\n')}\n`;
  const prepare = (table: string) => pool.query(`ALTER TABLE ${table} ADD CHECK (_row % 2 = 0)`);
  const load = await ContentLoad.of(pool, content, { maxRejects: 2_500, prepare });
  await load.run();
  expect((await load.rejects()).length).toBe(2_500);
  expect((await log()).match(/ERROR/g)).toHaveLength(1);
});
