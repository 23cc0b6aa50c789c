import { setTimeout as sleep } from 'node:timers/promises';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { NativeConnection, type NativeConnectionOptions } from '@temporalio/worker';
import type pg from 'pg';
import type { Config } from '../config.js';
import type { Logger } from '../log.js';

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;

/** Connects to Temporal, for as long as it takes; says what is missing and how to mend it. */
export async function connectTemporal(config: Config, log: Logger, signal: AbortSignal): Promise<NativeConnection> {
  const { connectionOptions } = loadClientConnectConfig();
  const options = { ...connectionOptions, address: config.TEMPORAL_ADDRESS } as NativeConnectionOptions;
  const hint = `Temporal cannot be reached at ${config.TEMPORAL_ADDRESS}. Start it or set TEMPORAL_ADDRESS; trying again.`;
  return retrying(() => NativeConnection.connect(options), hint, log, signal);
}

/** Waits until PostgreSQL answers and `prepare` succeeds. */
export async function awaitDatabase(
  pool: pg.Pool,
  prepare: () => Promise<void>,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const hint = 'PostgreSQL cannot be reached. Start it or set DATABASE_URL; trying again.';
  await retrying(() => pool.query('SELECT 1'), hint, log, signal);
  await prepare();
}

async function retrying<T>(attempt: () => Promise<T>, hint: string, log: Logger, signal: AbortSignal): Promise<T> {
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    try {
      return await attempt();
    } catch (error) {
      log.warn({ err: { message: (error as Error).message, code: (error as { code?: string }).code } }, hint);
      await sleep(pause, undefined, { signal });
    }
  }
}
