import { existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { awaitDatabase } from '../await-database.js';
import { type Config, exportUrl, storeFolder } from '../config.js';
import { StreamingInspections } from '../intake/streaming-inspection.js';
import type { Logger } from '../log.js';
import { startDispatcher } from '../maintenance/dispatcher.js';
import { runReconciler } from '../maintenance/reconciler.js';
import { runSweeper } from '../maintenance/sweeper.js';
import { createApiMetrics } from '../metrics/api-metrics.js';
import { createExportPool, createPool } from '../postgres/pool.js';
import { retrying } from '../retrying.js';
import { listExcessRights } from '../roles/list-excess-rights.js';
import { createLocalStore } from '../storage/local-store.js';
import { parseExportTables } from '../tables/export-tables.js';
import { SnapshotReader } from '../tasks/snapshot-reader.js';
import { connectTemporal } from '../temporal/temporal.js';
import { buildApp } from './app.js';
import type { ApiContext } from './context.js';

export interface RunningApi {
  /** Where it listens. */
  url: string;
  /**
   * Stops in order within ten seconds: finishes requests in flight, or aborts them at the end, then closes connections.
   */
  close(): Promise<void>;
}

/** The pool that looks up tables for exports. */
const EXPORT_CONNECTIONS = 2;
const CONNECTIONS = 8;
/** Of requests that may wait for users' tables. */
const TABLE_CONNECTIONS = 3;
/** How long they wait for a lock. */
const TABLE_LOCK_TIMEOUT = '3s';
/** Of commands, dispatcher, sweeper and reconciler. */
const COMMAND_CONNECTIONS = 10;
/** Of each. */
const KEPT_CONNECTIONS = 4;
/** How long a stop waits for requests, of ten seconds in all; a call to Temporal in flight may take three more. */
const GRACE_MS = 5_000;

/** What the API is made of; whether PostgreSQL is ready shows later. */
interface Parts extends Omit<ApiContext, 'isReady'> {
  config: Config;
}

/**
 * Starts the API and resolves when it listens; what needs PostgreSQL answers 503 until it is there and migrated.
 * @throws Error when the port cannot be listened on
 */
export async function startApi(config: Config, log: Logger): Promise<RunningApi> {
  const parts = makeParts(config, log);
  const stopping = new AbortController();
  let ready = false;
  const app = await buildApp({ ...parts, isReady: () => ready });
  const url = await listen(app, config);
  const database = awaitDatabase(config, log, stopping.signal).then(async () => {
    ready = true;
    await warnOfRights(parts);
    await runChores(parts, stopping.signal);
  });
  const others = Promise.allSettled([database, awaitTemporal(parts, stopping.signal)]);
  return {
    url,
    close: async () => {
      stopping.abort();
      await closeWithin(GRACE_MS, app);
      // Does not wait for a host that never answers.
      await Promise.race([others, sleep(1_000, undefined, { ref: false })]);
      await closeParts(parts);
      log.info('the API has stopped');
    },
  };
}

function makeParts(config: Config, log: Logger): Parts {
  const { pool, commandPool, tablePool, exportPool } = createPools(config, log);
  return {
    config,
    log,
    pool,
    snapshots: new SnapshotReader(pool),
    commandPool,
    tablePool,
    exportable: {
      pool: tablePool,
      exportPool,
      isOneRole: config.DATABASE_EXPORT_URL === undefined,
      tables: parseExportTables(config.EXPORT_TABLES),
    },
    metrics: createApiMetrics({ reads: pool, commands: commandPool, tables: tablePool, exports: exportPool }),
    store: createLocalStore(storeFolder(config)),
    temporal: connectTemporal(config),
    inspections: new StreamingInspections((error) =>
      log.error({ err: error }, 'a file could not be inspected while it arrived'),
    ),
    sampleFile: sampleFile(),
  };
}

function createPools(config: Config, log: Logger) {
  const connections = {
    connectionString: config.DATABASE_URL,
    applicationName: 'long-task api',
    onError: (error: Error) =>
      log.warn({ err: { message: error.message } }, 'an idle connection to PostgreSQL was lost'),
  };
  return {
    pool: createPool({ ...connections, min: KEPT_CONNECTIONS, max: CONNECTIONS }),
    commandPool: createPool({ ...connections, min: KEPT_CONNECTIONS, max: COMMAND_CONNECTIONS }),
    tablePool: createPool({
      ...connections,
      max: TABLE_CONNECTIONS,
      settings: { lock_timeout: TABLE_LOCK_TIMEOUT },
    }),
    exportPool: createExportPool({ ...connections, connectionString: exportUrl(config), max: EXPORT_CONNECTIONS }),
  };
}

async function closeParts({ temporal, pool, commandPool, tablePool, exportable, inspections }: Parts): Promise<void> {
  await Promise.allSettled([
    temporal.close(),
    pool.end(),
    commandPool.end(),
    tablePool.end(),
    exportable.exportPool.end(),
    inspections.close(),
  ]);
}

/** Runs dispatcher, sweeper and reconciler until the signal. */
async function runChores(
  { config, commandPool: pool, store, temporal, log, metrics }: Parts,
  signal: AbortSignal,
): Promise<void> {
  await Promise.all([
    startDispatcher({ pool, temporal, log }, signal),
    runSweeper({ pool, store, temporal, log }, config.RETENTION_DAYS, signal),
    runReconciler({ pool, temporal, log }, signal, (outcome, seconds) =>
      metrics.reconciler.observe({ outcome }, seconds),
    ),
  ]);
}

async function warnOfRights({ pool, exportable: { exportPool, isOneRole }, log }: Parts): Promise<void> {
  const rights = await listExcessRights(pool, exportPool, isOneRole).catch(() => []);
  const hint =
    'Set DATABASE_ADMIN_URL and DATABASE_EXPORT_URL, and run `npm run setup:database`, for roles with just what is needed.';
  for (const right of rights) log.warn(`${right}. ${hint}`);
}

async function listen(app: FastifyInstance, { HOST, PORT }: Config): Promise<string> {
  try {
    return await app.listen({
      host: HOST,
      port: PORT,
      listenTextResolver: (address) => `the API listens at ${address}`,
    });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE')
      throw new Error(`port ${PORT} on ${HOST} is in use: set PORT to another one`, { cause: error });
    throw new Error(`cannot listen on ${HOST}:${PORT} (${code}): set HOST and PORT`, { cause: error });
  }
}

async function closeWithin(milliseconds: number, app: FastifyInstance): Promise<void> {
  const timer = setTimeout(() => app.server.closeAllConnections(), milliseconds);
  await app.close();
  clearTimeout(timer);
}

async function awaitTemporal({ config, temporal, log }: Parts, signal: AbortSignal): Promise<void> {
  const { TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace } = config;
  const hint = `Temporal is not available yet at ${address}, namespace "${namespace}". Start it and create the namespace, or set TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE; the API accepts tasks, which wait.`;
  await retrying(() => temporal.check(), hint, log, signal);
}

/** `sample_data.csv` at the project's root, whether this runs from `src/` or from `dist/src/`. */
function sampleFile(folder = import.meta.dirname): string {
  const parent = path.dirname(folder);
  const file = path.join(folder, 'sample_data.csv');
  return existsSync(file) || parent === folder ? file : sampleFile(parent);
}
