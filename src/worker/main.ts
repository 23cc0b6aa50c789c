import { availableParallelism } from 'node:os';
import { Runtime } from '@temporalio/worker';
import { BufferPool } from '../activities/buffer-pool.js';
import { FenceWatch } from '../activities/fence-watch.js';
import { BATCH_BYTES, LOAD_BUFFERS } from '../activities/part-loader.js';
import { Permits } from '../activities/permits.js';
import { RateLimiter } from '../activities/rate-limiter.js';
import { Slots } from '../activities/slots.js';
import { awaitDatabase } from '../await-database.js';
import { exportUrl, loadConfig, storeFolder } from '../config.js';
import { createEngine } from '../csv/engine.js';
import { armFailpoints } from '../failpoint.js';
import { createThreadConverter } from '../intake/thread-converter.js';
import { createThreadScanner } from '../intake/thread-scanner.js';
import { kernel } from '../kernel/kernel.js';
import { createLogger } from '../log.js';
import { createRegistry } from '../metrics/registry.js';
import { freeLoopbackAddress, serveMetrics } from '../metrics/serve-metrics.js';
import { WorkerMetrics } from '../metrics/worker-metrics.js';
import { createExportPool, createPool } from '../postgres/pool.js';
import { createLocalStore } from '../storage/local-store.js';
import { connectNatively } from './connect.js';
import { createWorkers } from './create-worker.js';
import { giveSignsOfLife } from './signs-of-life.js';
import { temporalLogger } from './temporal-logger.js';

/**
 * The number of steps that this process may accept. Most of them wait for a permit or for their rate, and hold only
 * some kilobytes. Permits limit what is scarce: processor time and connections.
 */
const SLOTS = 240;

/** Sessions on top of one per permit: for watching fences and cancelling statements, each briefly. */
const SPARE_CONNECTIONS = 4;
/** Sessions of the control steps, of the watch over all fences and of the signs of life. */
const CONTROL_CONNECTIONS = 12;
/** Rollbacks and tidyings at once. Each holds a session and may wait for a lock in it. */
const REMOVALS = 5;

/** A batch and its row numbers: room for rows of 80 bytes; shorter ones, and NULLs, make shorter batches. */
const BUFFER_BYTES = BATCH_BYTES + BATCH_BYTES / 8;

/** The names that Prometheus recommends. */
const SDK_NAMES = { countersTotalSuffix: true, unitSuffix: true, useSecondsForDurations: true };

const config = loadConfig();
const log = createLogger(config.LOG_LEVEL, 'worker');
if (config.FAILPOINT) armFailpoints(config.FAILPOINT, config.NODE_ENV);

/** The address of the SDK's own metrics; only when they are scraped. */
const sdkAddress = config.WORKER_METRICS_PORT && (await freeLoopbackAddress());

// Signals are ours: a worker that still waits for a server has to end on them, too.
Runtime.install({
  logger: temporalLogger(log),
  shutdownSignals: [],
  telemetryOptions: {
    logging: { forward: {}, filter: { core: 'WARN', other: 'ERROR' } },
    ...(sdkAddress && { metrics: { prometheus: { bindAddress: sdkAddress, ...SDK_NAMES } } }),
  },
});

const stopping = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stopping.abort());

const store = createLocalStore(storeFolder(config));
const csv = createEngine(kernel);
const scanner = createThreadScanner(store, storeFolder(config), csv);
const converter = createThreadConverter(store, storeFolder(config), config.MAX_UPLOAD_BYTES, csv);
/** Steps that work at once: the parts of one task and one more for another user, or a few per core. */
const permits = Math.max(config.WORKER_PARTS + 1, 2 * availableParallelism());
const connections = {
  connectionString: config.DATABASE_URL,
  applicationName: 'long-task worker',
  onError: (error: Error) => log.warn({ err: { message: error.message } }, 'an idle connection to PostgreSQL was lost'),
};
const pool = createPool({ ...connections, max: permits + SPARE_CONNECTIONS });
const controlPool = createPool({ ...connections, max: CONTROL_CONNECTIONS });
const exportPool = createExportPool({ ...connections, connectionString: exportUrl(config), max: permits });

const registry = createRegistry({ work: pool, control: controlPool, exports: exportPool });
const metrics = new WorkerMetrics(registry);
const permitsToWork = new Permits(permits);
const slots = new Slots(SLOTS);
metrics.watch('permits', 'Steps that work, permits that are free, steps that wait for one', () => permitsToWork.usage);
metrics.watch('slots', 'Steps that are accepted here, and slots that are free', () => slots.usage);

try {
  if (sdkAddress) await listenForScrapes(sdkAddress);
  await awaitDatabase(config, log, stopping.signal);
  const connection = await connectNatively(config, log, stopping.signal);
  log.info({ temporal: config.TEMPORAL_ADDRESS, namespace: config.TEMPORAL_NAMESPACE }, 'connected to Temporal');
  try {
    const workers = await createWorkers({
      connection,
      namespace: config.TEMPORAL_NAMESPACE,
      taskQueue: config.TASK_QUEUE,
      dependencies: {
        pool,
        exportPool,
        controlPool,
        store,
        log,
        metrics,
        rateLimiter: new RateLimiter(),
        buffers: new BufferPool(BUFFER_BYTES, LOAD_BUFFERS * permits),
        scanner,
        converter,
        permits: permitsToWork,
        slots,
        fences: new FenceWatch(controlPool),
        removals: new Permits(REMOVALS),
        csv,
      },
      window: config.WORKER_PARTS,
      slots: SLOTS,
    });
    log.info({ task_queue: config.TASK_QUEUE }, 'worker started');
    const broken = new AbortController();
    const ending = AbortSignal.any([stopping.signal, broken.signal]);
    const running = workers.map((worker) => worker.runUntil(aborted(ending)));
    const living = giveSignsOfLife(controlPool, ending);
    // A worker that fails also ends the other one: this process is started again as a whole.
    await Promise.all(running).catch(async (error: unknown) => {
      broken.abort();
      await Promise.allSettled(running);
      throw error;
    });
    await living;
  } finally {
    // It can't be closed where one worker was created and the other not: the process ends anyway.
    await connection.close().catch(() => {});
  }
} catch (error) {
  if (!stopping.signal.aborted) {
    log.fatal({ err: error }, 'worker ended');
    process.exitCode = 1;
  }
} finally {
  await Promise.all([scanner.close(), converter.close()]);
  await Promise.all([pool.end(), controlPool.end(), exportPool.end()]);
  log.info('worker stopped');
  // When a worker could not be created, the SDK leaves a thread that would keep the process alive and block its
  // restart.
  setTimeout(() => process.exit(), 500).unref();
}

/** A port that is in use is no reason not to work: several workers of one machine may share their settings. */
async function listenForScrapes(sdk: string): Promise<void> {
  const port = config.WORKER_METRICS_PORT!;
  await serveMetrics(registry, port, sdk).catch((error: NodeJS.ErrnoException) =>
    log.warn({ code: error.code }, `no metrics: port ${port} cannot be used, set WORKER_METRICS_PORT to another one`),
  );
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
