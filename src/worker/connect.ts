import { loadClientConnectConfig } from '@temporalio/envconfig';
import { NativeConnection, type NativeConnectionOptions } from '@temporalio/worker';
import type { Config } from '../config.js';
import type { Logger } from '../log.js';
import { migrate } from '../postgres/migrate.js';
import { retrying } from '../retrying.js';

/** Connects to Temporal, for as long as it takes; says what is missing and how to mend it. */
export async function connectTemporal(config: Config, log: Logger, signal: AbortSignal): Promise<NativeConnection> {
  const { connectionOptions } = loadClientConnectConfig();
  const options = { ...connectionOptions, address: config.TEMPORAL_ADDRESS } as NativeConnectionOptions;
  const hint = `Temporal cannot be used yet at ${config.TEMPORAL_ADDRESS}. Start it, or set TEMPORAL_ADDRESS and its key; trying again.`;
  return retrying(() => NativeConnection.connect(options), hint, log, signal);
}

/** Waits until PostgreSQL is there and its schema up to date. */
export async function awaitDatabase(config: Config, log: Logger, signal: AbortSignal): Promise<void> {
  const hint = 'PostgreSQL cannot be used yet. Start it, or set DATABASE_URL to one that runs; trying again.';
  await retrying(() => migrate(config.DATABASE_URL), hint, log, signal);
}
