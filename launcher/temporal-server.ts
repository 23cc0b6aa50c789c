import { execFile } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { SEARCH_ATTRIBUTES } from '../src/contract/search-attributes.js';
import { stopLeftover } from './pids.js';
import { assertPortFree, canConnect } from './ports.js';
import { type Running, startProcess } from './processes.js';

export interface TemporalOptions {
  /** Path of the `temporal` CLI. */
  cli: string;
  /** gRPC. */
  port: number;
  /** Web UI; null for none. */
  uiPort: number | null;
  /** SQLite file that keeps everything between runs. `<file>.pid` and `<file>.log` are kept next to it. */
  dbFilename: string;
  namespace: string;
  /** Receives progress messages, one sentence each. The server's own log goes to its file. */
  onLog: (message: string) => void;
  ip?: string;
  dynamicConfig?: Record<string, unknown>;
}

export interface TemporalServer extends Running {
  /** `host:port`. */
  readonly address: string;
  /** URL of the Web UI, or null. */
  readonly uiAddress: string | null;
}

/**
 * Starts Temporal's development server and resolves when it serves, with namespace and search attributes in place.
 * A server that an earlier run left on the same file is stopped first; its ports for HTTP and metrics are free ones.
 * @throws Error naming `TEMPORAL_PORT` or `TEMPORAL_UI_PORT` when a port is in use, otherwise with its last words.
 */
export async function startTemporal(options: TemporalOptions): Promise<TemporalServer> {
  const { cli, port, uiPort, dbFilename, namespace, onLog, ip = '127.0.0.1' } = options;
  mkdirSync(path.dirname(dbFilename), { recursive: true, mode: 0o700 });
  const leftover = await stopLeftoverTemporal(dbFilename);
  if (leftover) onLog(`stopped a Temporal server that was left running (pid ${leftover})`);
  await assertPortFree(port, ip, 'TEMPORAL_PORT');
  if (uiPort) await assertPortFree(uiPort, ip, 'TEMPORAL_UI_PORT');
  const address = `${ip}:${port}`;
  const running = await launch({ ...options, ip });
  const end = await Promise.race([running.exited, untilServing(cli, address)]);
  if (end !== 'serving') throw new Error(`the Temporal server did not start (${end}): ${lastWords(logOf(dbFilename))}`);
  await addSearchAttributes(cli, address, namespace);
  return { ...running, address, uiAddress: uiPort ? `http://${ip}:${uiPort}` : null };
}

/** Stops a server that an earlier run left on this database file. Resolves to its pid, or undefined. */
export function stopLeftoverTemporal(dbFilename: string): Promise<number | undefined> {
  return stopLeftover(`${dbFilename}.pid`);
}

/**
 * The server commits many small transactions for each step of a task; by default SQLite syncs each to the disk, which
 * makes the steering of one task wait for the work of others (bare workflows of one activity from 20 clients: 9 to 16
 * per second, with these 31). A server or process that is killed loses nothing with them; after a power cut the last
 * moments may be missing, which the reconciler makes good: the task row in PostgreSQL decides.
 */
const SQLITE_PRAGMAS = ['journal_mode=wal', 'synchronous=1'];

async function launch({ cli, port, uiPort, dbFilename, namespace, ip, dynamicConfig }: TemporalOptions) {
  // Fairness between users is off by default.
  const config = { 'matching.enableFairness': true, ...dynamicConfig };
  const args = ['server', 'start-dev', '--db-filename', dbFilename, '--ip', String(ip), '--port', String(port)];
  args.push(...(uiPort ? ['--ui-port', String(uiPort)] : ['--headless']), '--namespace', namespace);
  args.push('--log-level', 'warn', '--ui-disable-news-fetch');
  args.push(...SQLITE_PRAGMAS.flatMap((pragma) => ['--sqlite-pragma', pragma]));
  for (const [key, value] of Object.entries(config)) {
    args.push('--dynamic-config-value', `${key}=${JSON.stringify(value)}`);
  }
  const log = openSync(logOf(dbFilename), 'w', 0o600);
  try {
    return await startProcess({ command: cli, args, env: localEnv(), output: log, pidFile: `${dbFilename}.pid` });
  } finally {
    closeSync(log);
  }
}

async function untilServing(cli: string, address: string): Promise<'serving'> {
  const [host = '', port] = address.split(':');
  for (;;) {
    if (await canConnect(Number(port), host)) {
      const health = await temporal(cli, ['operator', 'cluster', 'health', '--address', address]).catch(() => '');
      if (health.includes('SERVING')) return 'serving';
    }
    await sleep(50);
  }
}

// `start-dev --search-attribute` is ignored when the file holds the namespace already. One call each: a call for
// several adds none of them when one is there.
async function addSearchAttributes(cli: string, address: string, namespace: string): Promise<void> {
  const target = ['--address', address, '--namespace', namespace];
  for (const name of SEARCH_ATTRIBUTES) {
    await temporal(cli, ['operator', 'search-attribute', 'create', ...target, '--name', name, '--type', 'Keyword']);
  }
}

async function temporal(cli: string, args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(cli, args, { env: localEnv(), timeout: 20_000 });
  return stdout;
}

// TEMPORAL_* in our environment, TLS or an API key for instance, are meant for another server.
function localEnv(): NodeJS.ProcessEnv {
  const entries = Object.entries(process.env).filter(([name]) => !name.startsWith('TEMPORAL_'));
  return { ...Object.fromEntries(entries), TEMPORAL_CONFIG_FILE: '/dev/null' };
}

function logOf(dbFilename: string): string {
  return `${dbFilename}.log`;
}

function lastWords(logFile: string): string {
  return readFileSync(logFile, 'utf8').trim().split('\n').at(-1) || `see ${logFile}`;
}
