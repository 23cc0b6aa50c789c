import { closeSync, openSync, readFileSync, renameSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { assertPortFree } from './ports.js';
import { findPostgresBinaries } from './postgres-binaries.js';
import {
  type PostgresCluster,
  postgresEnv,
  postgresStop,
  prepareCluster,
  readPostmasterPid,
  stopLeftoverPostgres,
  stopOrphanedSessions,
} from './postgres-cluster.js';
import { type Running, startProcess } from './processes.js';
import { asServerUser } from './setpriv.js';

export interface PostgresOptions {
  /**
   * `DATA_DIR`: holds the cluster (`postgres`), the password (`postgres-password`) and the log (`logs/postgres.log`).
   */
  dataDir: string;
  port: number;
  /** Receives progress messages, one sentence each. PostgreSQL's own log goes to its file. */
  onLog: (message: string) => void;
  /** Server settings that extend or override those for bulk loading. */
  settings?: Record<string, string>;
}

export interface PostgresServer extends Running {
  /** Of the database `long_task`, as superuser, with password. */
  readonly url: string;
  readonly port: number;
}

/** Fast to load in bulk and as durable as PostgreSQL is by default: a commit that is answered is on the disk. */
const bulkLoadSettings: Record<string, string> = {
  shared_buffers: '256MB',
  wal_buffers: '16MB',
  max_wal_size: '4GB',
  checkpoint_timeout: '15min',
  maintenance_work_mem: '256MB',
  max_parallel_maintenance_workers: '2',
  // No replicas follow this server: a table that is filled in the transaction which made it needs no WAL.
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_connections: '100',
  fsync: 'on',
  synchronous_commit: 'on',
  // Dates look the same wherever it runs, as they do in PostgreSQL's container image.
  timezone: 'UTC',
  log_timezone: 'UTC',
};

/**
 * Starts PostgreSQL 18 on `127.0.0.1` and resolves when it accepts connections and has the database `long_task`.
 * The data is kept between runs and recovered after a crash; a server that an earlier run left behind is stopped first.
 * Works as root too (see `asServerUser`). `stop` is PostgreSQL's fast shutdown.
 * @throws Error naming `POSTGRES_PORT` when the port is in use, otherwise with the server's last words.
 */
export async function startPostgres(options: PostgresOptions): Promise<PostgresServer> {
  const { dataDir, port, onLog } = options;
  const leftover = await stopLeftoverPostgres(dataDir);
  if (leftover) onLog(`stopped a PostgreSQL server that was left running (pid ${leftover})`);
  await assertPortFree(port, '127.0.0.1', 'POSTGRES_PORT');
  const cluster = await prepareCluster(dataDir, onLog);
  const running = await startReady(cluster, options);
  const admin = `postgres://postgres:${cluster.password}@127.0.0.1:${port}`;
  await createDatabaseIfMissing(`${admin}/postgres`, 'long_task');
  return { ...running, port, url: `${admin}/long_task` };
}

async function startReady(cluster: PostgresCluster, options: PostgresOptions): Promise<Running> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const logStart = rotate(cluster.logFile);
    const running = await launch(cluster, options);
    const end = await Promise.race([running.exited, untilReady(cluster.folder, running, options.onLog)]);
    if (end === 'ready') return running;
    const words = readFileSync(cluster.logFile, 'utf8').slice(logStart);
    // Sessions of a killed server live on until they have finished their statement.
    const isHeld = words.includes('pre-existing shared memory block');
    if (!isHeld || Date.now() > deadline) {
      const reason = words.split('\n').filter((line) => /FATAL|PANIC|ERROR|error/.test(line));
      throw new Error(`PostgreSQL did not start (${end}): ${reason.at(-1) ?? `see ${cluster.logFile}`}`);
    }
    stopOrphanedSessions(cluster.folder);
    await sleep(100);
  }
}

// The log is a file that the server itself holds: nothing of it passes through us, and it outlives us.
async function launch(cluster: PostgresCluster, { port, settings }: PostgresOptions): Promise<Running> {
  const { postgres } = await findPostgresBinaries();
  const all = { listen_addresses: '127.0.0.1', unix_socket_directories: '', ...bulkLoadSettings, ...settings };
  const flags = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const [command, ...args] = asServerUser([postgres, '-D', cluster.folder, '-p', String(port), ...flags]);
  const log = openSync(cluster.logFile, 'a', 0o600);
  try {
    const env = postgresEnv();
    return await startProcess({ command: command as string, args, env, output: log, stop: postgresStop });
  } finally {
    closeSync(log);
  }
}

// No limit: after a crash under load, recovery takes as long as it takes.
async function untilReady(folder: string, running: Running, onLog: (message: string) => void): Promise<string> {
  const began = Date.now();
  let reportedAt = began;
  let over = false;
  void running.exited.then(() => {
    over = true;
  });
  while (!over) {
    const lines = readPostmasterPid(folder);
    if (lines[0] === String(running.pid) && lines[7]?.startsWith('ready')) return 'ready';
    if (Date.now() - reportedAt > 5000) {
      reportedAt = Date.now();
      onLog(`PostgreSQL is recovering its data (${Math.round((reportedAt - began) / 1000)} s)`);
    }
    await sleep(20);
  }
  return running.exited;
}

async function createDatabaseIfMissing(url: string, name: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [name]);
    if (!rowCount) await client.query(`create database ${pg.escapeIdentifier(name)}`);
  } finally {
    await client.end();
  }
}

// Returns where the lines of this start begin, in characters.
function rotate(logFile: string): number {
  const size = statSync(logFile, { throwIfNoEntry: false })?.size ?? 0;
  if (size > 16 * 1024 * 1024) renameSync(logFile, `${logFile}.1`);
  return size > 16 * 1024 * 1024 || size === 0 ? 0 : readFileSync(logFile, 'utf8').length;
}
