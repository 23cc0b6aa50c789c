import type { Config } from './config.js';
import type { Logger } from './log.js';
import { ensureSchema } from './postgres/migrate.js';
import { retrying } from './retrying.js';

/** Waits until PostgreSQL is there and its schema up to date; logs what is missing and how to fix it. */
export async function awaitDatabase(config: Config, log: Logger, signal: AbortSignal): Promise<void> {
  const hint = 'PostgreSQL is not available yet. Start it, or set DATABASE_URL to one that runs; trying again.';
  await retrying(() => ensureSchema(config.DATABASE_URL), hint, log, signal);
}
