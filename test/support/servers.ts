import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { readLivePid, writePidFile } from '../../launcher/pids.js';
import { freePort } from '../../launcher/ports.js';
import { stopLeftoverPostgres } from '../../launcher/postgres-cluster.js';
import { startPostgres } from '../../launcher/postgres-server.js';
import type { Running } from '../../launcher/processes.js';
import { findTemporalCli } from '../../launcher/temporal-cli.js';
import { startTemporal, stopLeftoverTemporal } from '../../launcher/temporal-server.js';

declare module 'vitest' {
  /** What tests get by `inject`, in a run that has servers. */
  interface ProvidedContext {
    /** Of a superuser; for `createDatabase` and `prepareTemplate`. */
    databaseUrl: string;
    /** `host:port`; namespace `default`, our search attributes are there. */
    temporalAddress: string;
    /** Path of the `temporal` CLI. */
    temporalCli: string;
    /** For files of tests; it is removed at the end of the run. */
    folder: string;
  }
}

export interface TestServers {
  folder: string;
  databaseUrl: string;
  temporalAddress: string;
  temporalCli: string;
  /** Stops both and removes what they kept. */
  stop(): Promise<void>;
}

const prefix = 'long-task-test-';
const template = 'long_task_template';

/** Data of a test run is worth nothing after a power cut, and small machines run several at once. */
const testSettings = { fsync: 'off', shared_buffers: '64MB', max_wal_size: '1GB', max_connections: '200' };

/** Starts PostgreSQL and a Temporal server on free ports in a folder of their own; removes what killed runs left. */
export async function startServers(log: (message: string) => void): Promise<TestServers> {
  await removeLeftovers();
  const folder = mkdtempSync(path.join(os.tmpdir(), prefix));
  writePidFile(path.join(folder, 'owner.pid'), process.pid);
  const running: Running[] = [];
  const stop = async () => {
    await Promise.all(running.map((server) => server.stop()));
    rmSync(folder, { recursive: true, force: true });
  };
  const keep = <R extends Running>(server: R): R => {
    running.push(server);
    return server;
  };
  const startDatabase = async () =>
    startPostgres({ dataDir: folder, port: await freePort(), onLog: () => {}, settings: testSettings }).then(keep);
  const startWorkflows = async () => {
    const cli = await findTemporalCli({ log });
    const server = {
      cli,
      port: await freePort(),
      uiPort: null,
      dbFilename: temporalFile(folder),
      namespace: 'default',
    };
    return { cli, ...(await startTemporal({ ...server, onLog: () => {} }).then(keep)) };
  };
  const [postgres, temporal] = await Promise.allSettled([startDatabase(), startWorkflows()]);
  if (postgres.status === 'fulfilled' && temporal.status === 'fulfilled') {
    const { address, cli } = temporal.value;
    return { databaseUrl: postgres.value.url, temporalAddress: address, temporalCli: cli, folder, stop };
  }
  await stop();
  throw [postgres, temporal].find((result) => result.status === 'rejected')?.reason;
}

/** A fresh database, a copy of the template if there is one. `drop` ends every session that still uses it. */
export async function createDatabase(
  adminUrl: string,
  from = template,
): Promise<{ url: string; drop(): Promise<void> }> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  await withAdmin(adminUrl, async (admin) => {
    const source = (await exists(admin, from)) ? from : 'template1';
    await admin.query(`create database ${name} template ${source}`);
  });
  const drop = () => withAdmin(adminUrl, (admin) => admin.query(`drop database if exists ${name} with (force)`));
  return { url: withDatabase(adminUrl, name), drop: async () => void (await drop()) };
}

/**
 * Makes the template that `createDatabase` copies: `migrate` is called once per test run with its address, however many
 * test files ask at the same time, and must have closed its connections when it resolves.
 */
export async function prepareTemplate(adminUrl: string, migrate: (url: string) => Promise<void>): Promise<void> {
  await withAdmin(adminUrl, async (admin) => {
    await admin.query(`select pg_advisory_lock(hashtext('${template}'))`);
    if (await exists(admin, template)) return;
    const unfinished = `${template}_unfinished`;
    await admin.query(`drop database if exists ${unfinished} with (force)`);
    await admin.query(`create database ${unfinished}`);
    await migrate(withDatabase(adminUrl, unfinished));
    await admin.query(`alter database ${unfinished} rename to ${template}`);
  });
}

async function exists(admin: pg.Client, name: string): Promise<boolean> {
  return Boolean((await admin.query('select 1 from pg_database where datname = $1', [name])).rowCount);
}

async function withAdmin<T>(url: string, work: (admin: pg.Client) => Promise<T>): Promise<T> {
  const admin = new pg.Client({ connectionString: url, application_name: 'test support' });
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.end();
  }
}

function withDatabase(url: string, name: string): string {
  return Object.assign(new URL(url), { pathname: `/${name}` }).href;
}

function temporalFile(folder: string): string {
  return path.join(folder, 'temporal.db');
}

async function removeLeftovers(): Promise<void> {
  for (const name of readdirSync(os.tmpdir()).filter((entry) => entry.startsWith(prefix))) {
    const folder = path.join(os.tmpdir(), name);
    if (!readdirSync(folder).includes('owner.pid') || readLivePid(path.join(folder, 'owner.pid'))) continue;
    await stopLeftoverPostgres(folder);
    await stopLeftoverTemporal(temporalFile(folder));
    rmSync(folder, { recursive: true, force: true });
  }
}
