import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from './log.js';

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;

/**
 * Retries with growing pauses until it succeeds, and logs each time what is missing and how to fix it. Rejects on
 * abort.
 */
export async function retrying<T>(
  attempt: () => Promise<T>,
  hint: string,
  log: Logger,
  signal: AbortSignal,
): Promise<T> {
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    try {
      return await attempt();
    } catch (error) {
      const { message, code } = error as { message: string; code?: string };
      log.warn({ err: { message, code } }, hint);
      await sleep(pause, undefined, { signal });
    }
  }
}
