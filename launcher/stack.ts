import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { retrying } from '../src/retrying.js';
import { setUpDatabase } from '../src/roles/set-up.js';
import type { StarterConfig } from './config.js';
import { stackEnvironment } from './environment.js';
import { describeMissing } from './missing.js';
import type { Output } from './output.js';
import { assertPortFree } from './ports.js';
import { stopLeftoverPostgres } from './postgres-cluster.js';
import { prepareDatabase } from './postgres-roles.js';
import { type PostgresServer, startPostgres } from './postgres-server.js';
import type { Running } from './processes.js';
import { type ServiceName, startServiceProcess } from './service-process.js';
import { pidFile, type Services } from './services-file.js';
import { type Supervised, supervise } from './supervisor.js';
import { findTemporalCli } from './temporal-cli.js';
import { startTemporal, stopLeftoverTemporal, type TemporalServer } from './temporal-server.js';

/** The processes that run here, each supervised; servers that are configured elsewhere are not among them. */
export interface Stack {
  postgres?: Supervised<PostgresServer>;
  temporal?: Supervised<TemporalServer>;
  worker?: Supervised<Running>;
  api?: Supervised<Running>;
}

export interface StackOptions {
  config: StarterConfig;
  output: Output;
  /** Filled as the processes come up, so that they can be stopped at any time. */
  stack: Stack;
  /** Ends the start. */
  signal: AbortSignal;
  /** Is called when a process has been started again. */
  onChange: () => void;
}

/**
 * Starts what is not configured, then worker and API, and resolves when the API says that it is ready.
 * @throws Error of one line: a port in use and the variable to change, no Temporal to be had, a process that keeps
 *   ending.
 */
export async function startStack(options: StackOptions): Promise<void> {
  const { config, stack, signal, output } = options;
  await checkPorts(config, (message) => output.log.info(message));
  // Waits for both even when one fails, so that a server that did start can be stopped.
  const servers = await Promise.allSettled([startDatabase(options), startWorkflowServer(options)]);
  for (const server of servers) if (server.status === 'rejected') throw server.reason;
  signal.throwIfAborted();
  stack.worker = await startService('worker', options);
  stack.api = await startService('api', options);
  await untilReady(options);
}

/** Stops the processes in the order that lets each finish: API, worker, Temporal, PostgreSQL. */
export async function stopStack(stack: Stack, hurry: AbortSignal, log: Logger): Promise<void> {
  for (const name of ['api', 'worker', 'temporal', 'postgres'] as const) {
    if (!stack[name]) continue;
    log.info(`stopping ${names[name]}`);
    await stack[name].stop(hurry);
  }
}

/** What `services.json` says about them now. */
export function describeStack({ api, worker, temporal, postgres }: Stack, config: StarterConfig): Services {
  const env = stackEnvironment(config, { postgres, temporal });
  return {
    pid: process.pid,
    api: apiAddress(config),
    temporal: env.TEMPORAL_ADDRESS as string,
    temporal_ui: temporal?.current.uiAddress ?? null,
    database_url: postgres?.current.url ?? config.DATABASE_ADMIN_URL ?? (config.DATABASE_URL as string),
    worker_pid: worker?.current.pid as number,
    api_pid: api?.current.pid as number,
    postgres_pid: postgres?.current.pid ?? null,
    temporal_pid: temporal?.current.pid ?? null,
  };
}

const names = { api: 'the API', worker: 'the worker', temporal: 'the Temporal server', postgres: 'PostgreSQL' };

// Before anything that takes long. What an earlier run left behind holds the ports, so it goes first.
async function checkPorts(config: StarterConfig, log: (message: string) => void): Promise<void> {
  const { HOST, PORT, DATA_DIR, DATABASE_URL, TEMPORAL_ADDRESS } = config;
  if (await stopLeftoverPostgres(DATA_DIR)) log('stopped a PostgreSQL server that was left running');
  if (await stopLeftoverTemporal(temporalFile(config))) log('stopped a Temporal server that was left running');
  await assertPortFree(PORT, HOST, 'PORT');
  const local = '127.0.0.1';
  if (!DATABASE_URL) await assertPortFree(config.POSTGRES_PORT, local, 'POSTGRES_PORT');
  if (TEMPORAL_ADDRESS) return;
  await assertPortFree(config.TEMPORAL_PORT, local, 'TEMPORAL_PORT');
  await assertPortFree(config.TEMPORAL_UI_PORT, local, 'TEMPORAL_UI_PORT');
}

async function startDatabase({ config, output, stack, signal, onChange }: StackOptions): Promise<void> {
  if (config.DATABASE_URL) return setUpGiven(config, output, signal);
  const onLog = (message: string) => output.log.info(message);
  const start = async () => {
    const server = await startPostgres({ dataDir: config.DATA_DIR, port: config.POSTGRES_PORT, onLog });
    await prepareDatabase(server.url, config.EXPORT_TABLES).catch(async (error: unknown) => {
      await server.stop();
      throw error;
    });
    return server;
  };
  stack.postgres = await supervise({ name: names.postgres, start, log: warn(output), onStart: onChange });
}

/**
 * A database of one's own is set up here where an administrator's address is given, so that API and worker need none.
 */
async function setUpGiven(config: StarterConfig, { log }: Output, signal: AbortSignal): Promise<void> {
  const { DATABASE_ADMIN_URL: admin, DATABASE_URL: app, DATABASE_EXPORT_URL: exporter, EXPORT_TABLES } = config;
  if (!admin) return;
  if (!exporter) throw new Error('DATABASE_EXPORT_URL must be set where DATABASE_ADMIN_URL is');
  const hint = 'PostgreSQL cannot be set up yet. Start it, or correct DATABASE_ADMIN_URL; trying again.';
  await retrying(() => setUpDatabase({ admin, app: app as string, exporter }, EXPORT_TABLES), hint, log, signal);
}

async function startWorkflowServer({ config, output, stack, signal, onChange }: StackOptions): Promise<void> {
  if (config.TEMPORAL_ADDRESS) return;
  const onLog = (message: string) => output.log.info(message);
  const cli = await findTemporalCli({ log: onLog, signal });
  const { TEMPORAL_PORT: port, TEMPORAL_UI_PORT: uiPort, TEMPORAL_NAMESPACE: namespace } = config;
  const start = () => startTemporal({ cli, port, uiPort, namespace, dbFilename: temporalFile(config), onLog });
  stack.temporal = await supervise({ name: names.temporal, start, log: warn(output), onStart: onChange });
}

function startService(name: ServiceName, { config, output, stack, onChange }: StackOptions) {
  const start = () =>
    startServiceProcess(name, {
      env: stackEnvironment(config, stack),
      output: output.forProcesses,
      pidFile: pidFile(config.DATA_DIR, name),
    });
  return supervise({ name: names[name], start, log: warn(output), onStart: onChange });
}

const endsAllowed = 5;
const reportEveryMs = 5000;

async function untilReady({ config, output, stack, signal }: StackOptions): Promise<void> {
  for (let reportedAt = Date.now(); ; await sleep(100, undefined, { signal })) {
    const answer = await fetch(`${apiAddress(config)}/health/ready`, { signal }).catch(() => undefined);
    if (answer?.ok) return;
    for (const name of ['api', 'worker'] as const) {
      if ((stack[name]?.unexpectedEnds ?? 0) < endsAllowed) continue;
      throw new Error(`${names[name]} ended ${endsAllowed} times before it was ready; its messages above say why`);
    }
    if (Date.now() - reportedAt < reportEveryMs) continue;
    reportedAt = Date.now();
    output.log.warn(await describeMissing(stackEnvironment(config, stack), answer));
  }
}

function apiAddress({ HOST, PORT }: StarterConfig): string {
  // A wildcard address is only for listening; a client needs loopback.
  const host = HOST === '0.0.0.0' ? '127.0.0.1' : HOST === '::' ? '::1' : HOST;
  return `http://${host.includes(':') ? `[${host}]` : host}:${PORT}`;
}

function temporalFile({ DATA_DIR }: StarterConfig): string {
  return path.join(DATA_DIR, 'temporal', 'temporal.db');
}

function warn({ log }: Output): (message: string) => void {
  return (message) => log.warn(message);
}
