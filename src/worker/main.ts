import { Runtime } from '@temporalio/worker';
import { BufferPool } from '../activities/buffer-pool.js';
import { Pacer } from '../activities/pacer.js';
import { BATCH_BYTES } from '../activities/part-loader.js';
import { loadConfig, storeFolder } from '../config.js';
import { createEngine } from '../csv/engine.js';
import { armFailpoints } from '../failpoint.js';
import { createThreadScanner } from '../inspection/thread-scanner.js';
import { kernel } from '../kernel/kernel.js';
import { createLogger } from '../log.js';
import { createPool } from '../postgres/pool.js';
import { createLocalStore } from '../storage/local-store.js';
import { awaitDatabase, connectTemporal } from './connect.js';
import { createWorker } from './create-worker.js';
import { temporalLogger } from './temporal-logger.js';

/** Slots beside those of the parts of one task: several tasks at once, and always one for the short activities. */
const SLOTS = 16;

/** Sessions besides one per slot: watching and closing fences, cancelling statements, each for a moment. */
const SPARE_CONNECTIONS = 8;

/** A batch and its row numbers: room for rows of 80 bytes; shorter ones, and NULLs, make shorter batches. */
const BUFFER_BYTES = BATCH_BYTES + (1 << 17);

const config = loadConfig();
const log = createLogger(config.LOG_LEVEL, 'worker');
if (config.FAILPOINT) armFailpoints(config.FAILPOINT, config.NODE_ENV);

// Signals are ours: a worker that still waits for a server has to end on them, too.
Runtime.install({
  logger: temporalLogger(log),
  shutdownSignals: [],
  telemetryOptions: { logging: { forward: {}, filter: { core: 'WARN', other: 'ERROR' } } },
});

const stopping = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stopping.abort());

const store = createLocalStore(storeFolder(config));
const csv = createEngine(kernel);
const scanner = createThreadScanner(store, storeFolder(config), csv);
const pool = createPool({
  connectionString: config.DATABASE_URL,
  max: SLOTS + SPARE_CONNECTIONS,
  applicationName: 'long-task worker',
  onError: (error) => log.warn({ err: { message: error.message } }, 'an idle connection to PostgreSQL was lost'),
});

try {
  await awaitDatabase(config, log, stopping.signal);
  const connection = await connectTemporal(config, log, stopping.signal);
  log.info({ temporal: config.TEMPORAL_ADDRESS, namespace: config.TEMPORAL_NAMESPACE }, 'connected to Temporal');
  try {
    const worker = await createWorker({
      connection,
      namespace: config.TEMPORAL_NAMESPACE,
      taskQueue: config.TASK_QUEUE,
      dependencies: {
        pool,
        store,
        log,
        pacer: new Pacer(),
        buffers: new BufferPool(BUFFER_BYTES, 2 * config.WORKER_PARTS),
        scanner,
        csv,
      },
      window: config.WORKER_PARTS,
      slots: SLOTS,
    });
    log.info({ task_queue: config.TASK_QUEUE }, 'worker started');
    await worker.runUntil(aborted(stopping.signal));
  } finally {
    await connection.close();
  }
} catch (error) {
  if (!stopping.signal.aborted) {
    log.fatal({ err: error }, 'worker ended');
    process.exitCode = 1;
  }
} finally {
  await scanner.close();
  await pool.end();
  log.info('worker stopped');
  // The SDK leaves a thread behind where a worker could not be created: nobody would start this process anew.
  setTimeout(() => process.exit(), 500).unref();
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
