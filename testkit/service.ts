import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { inProject } from '../launcher/paths.js';
import { sendSignal } from '../launcher/pids.js';
import { freePort } from '../launcher/ports.js';
import { type Services, servicesFile } from '../launcher/services-file.js';
import { endingWithUs } from '../launcher/setpriv.js';
import { LongTaskClient } from '../src/client/client.js';

export interface ServiceOptions {
  /** A folder of its own: the servers' data, files, logs. Made where it is missing. */
  dataDir: string;
  /** Default: free ones. */
  ports?: Partial<Ports>;
  /** Further variables for the service. */
  env?: Record<string, string>;
  /** Receives progress messages, one sentence each. */
  log?: (message: string) => void;
  /** Ends a start that is under way; `stop` ends a service that has started. */
  signal?: AbortSignal;
}

/** As the variables of `npm start` name them. */
export interface Ports {
  PORT: number;
  POSTGRES_PORT: number;
  TEMPORAL_PORT: number;
  TEMPORAL_UI_PORT: number;
}

/** A running `npm start`. */
export interface Service {
  readonly api: string;
  readonly temporal: string;
  readonly temporalUi: string | null;
  readonly databaseUrl: string;
  /** The file store. */
  readonly filesDir: string;
  /** What `services.json` says now: the worker's pid changes when it is started again. */
  services(): Services;
  /** Stops it in order and resolves when it has ended. */
  stop(): Promise<void>;
}

/**
 * Starts the real service (`npm start`) as a process of its own, on embedded servers and free ports, and resolves when
 * it says that it is ready. Its log lines go to `service.log` in its folder.
 * @throws Error with the last log lines when it ends before.
 */
export async function startService(options: ServiceOptions): Promise<Service> {
  const { dataDir, log } = options;
  mkdirSync(dataDir, { recursive: true });
  const [program, ...args] = endingWithUs([process.execPath, inProject('launcher', 'run.mjs'), 'start'], 'SIGTERM');
  const child = spawn(program as string, args, {
    env: { ...process.env, ...embedded, ...(await portVariables(options.ports)), DATA_DIR: dataDir, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const lastLines = keepLog(child, path.join(dataDir, 'service.log'), log);
  // The exit of this process must not leave servers behind. An orderly `stop` has ended them before.
  const onExit = () => child.kill('SIGTERM');
  process.once('exit', onExit);
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
    process.off('exit', onExit);
  };
  try {
    const services = await untilReady(options, child, lastLines);
    return describe(services, dataDir, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

function describe(services: Services, dataDir: string, stop: () => Promise<void>): Service {
  return {
    api: services.api,
    temporal: services.temporal,
    temporalUi: services.temporal_ui,
    databaseUrl: services.database_url,
    filesDir: path.join(dataDir, 'files'),
    services: () => readServices(dataDir),
    stop,
  };
}

// Set but empty: neither our environment nor a .env file may name servers that are not ours.
const embedded = {
  HOST: '127.0.0.1',
  DATABASE_URL: '',
  DATABASE_EXPORT_URL: '',
  DATABASE_ADMIN_URL: '',
  TEMPORAL_ADDRESS: '',
  TEMPORAL_NAMESPACE: '',
  FAILPOINT: '',
};

async function portVariables(ports: Partial<Ports> = {}): Promise<Record<string, string>> {
  const variables: Record<string, string> = {};
  for (const name of ['PORT', 'POSTGRES_PORT', 'TEMPORAL_PORT', 'TEMPORAL_UI_PORT'] as const) {
    variables[name] = String(ports[name] ?? (await freePort()));
  }
  return variables;
}

function readServices(dataDir: string): Services {
  return JSON.parse(readFileSync(servicesFile(dataDir), 'utf8'));
}

const LINES_KEPT = 20;

function keepLog(child: ChildProcess, file: string, log?: (message: string) => void): string[] {
  const out = createWriteStream(file, { flags: 'a' });
  const last: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    if (!stream) continue;
    createInterface({ input: stream }).on('line', (line) => {
      out.write(`${line}\n`);
      last.push(line);
      if (last.length > LINES_KEPT) last.shift();
      const message = messageOfStart(line);
      if (message) log?.(message);
    });
  }
  child.once('close', () => out.end());
  return last;
}

/** The lines of `npm start` itself; those of API and worker stay in the file. */
function messageOfStart(line: string): string | undefined {
  try {
    const { name, msg } = JSON.parse(line) as { name?: string; msg?: string };
    return name === 'start' ? msg : undefined;
  } catch {
    return line.startsWith('long-task: ') ? line.slice('long-task: '.length) : undefined;
  }
}

// No deadline: on a bare machine the first start downloads or builds, and says so.
async function untilReady(
  { dataDir, signal }: ServiceOptions,
  child: ChildProcess,
  lastLines: string[],
): Promise<Services> {
  for (;;) {
    signal?.throwIfAborted();
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new Error(`the service ended before it was ready:\n${lastLines.join('\n')}`);
    }
    const services = await readyServices(dataDir);
    if (services) return services;
    await sleep(100);
  }
}

async function readyServices(dataDir: string): Promise<Services | undefined> {
  try {
    const services = readServices(dataDir);
    const { status } = await new LongTaskClient(services.api).ready();
    return status === 'ok' ? services : undefined;
  } catch {
    return undefined;
  }
}

/** The supervisor starts the next worker within this time. */
const WORKER_MS = 30_000;

/** Kills the worker that runs. Right after a kill the next one may not be there yet: then waits for it. */
export async function killWorker(service: Pick<Service, 'services'>): Promise<void> {
  for (const end = performance.now() + WORKER_MS; !sendSignal(service.services().worker_pid, 'SIGKILL'); ) {
    if (performance.now() > end) throw new Error(`no worker runs for ${WORKER_MS / 1000} s`);
    await sleep(20);
  }
}
