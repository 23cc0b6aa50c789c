import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from './log.js';

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;

/** Tries until it succeeds, with growing pauses; says each time what is missing and how to mend it. Rejects when the signal fires. */
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
