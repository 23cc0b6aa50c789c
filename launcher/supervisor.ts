import { setTimeout as sleep } from 'node:timers/promises';
import type { Running } from './processes.js';

export interface SuperviseOptions<R extends Running> {
  /** For the messages: "the worker". */
  name: string;
  /** Starts it; called again after each unexpected end. A start that fails is tried again. */
  start: () => Promise<R>;
  /** Receives one sentence for each end and each new start. */
  log: (message: string) => void;
  /** Is called after each start, the first included. */
  onStart?: (running: R) => void;
}

export interface Supervised<R extends Running> {
  /** What runs now, or ran last. */
  readonly current: R;
  /** How often it ended without being asked to. */
  readonly unexpectedEnds: number;
  /** Ends it for good; safe to call at any time. `hurry` ends the grace period. */
  stop(hurry?: AbortSignal): Promise<void>;
}

const firstPauseMs = 100;
const longestPauseMs = 2000;
const calmMs = 10_000;

/**
 * Starts something and keeps it running: when it ends by itself it is started again, at once the first time, then after
 * pauses that double up to 2 s; ten quiet seconds make it start from the beginning.
 * @throws any error of the very first start.
 */
export async function supervise<R extends Running>(options: SuperviseOptions<R>): Promise<Supervised<R>> {
  const { name, start, log, onStart } = options;
  const stopping = new AbortController();
  let current = await start();
  let unexpectedEnds = 0;
  onStart?.(current);

  const watch = async () => {
    for (let pause = 0; !stopping.signal.aborted; ) {
      const began = Date.now();
      const end = await current.exited;
      if (stopping.signal.aborted) return;
      unexpectedEnds++;
      log(`${name} ended unexpectedly (${end}), starting it again`);
      if (Date.now() - began > calmMs) pause = 0;
      pause = await restart(pause);
    }
  };

  // Resolves to the pause that the next restart has to keep.
  const restart = async (pause: number): Promise<number> => {
    await sleep(pause, undefined, { signal: stopping.signal }).catch(() => {});
    if (stopping.signal.aborted) return pause;
    const nextPause = Math.min(Math.max(pause * 2, firstPauseMs), longestPauseMs);
    try {
      current = await start();
    } catch (error) {
      log(`${name} could not be started: ${(error as Error).message}`);
      return restart(nextPause);
    }
    if (stopping.signal.aborted) return pause;
    log(`${name} runs again (pid ${current.pid})`);
    onStart?.(current);
    return nextPause;
  };

  const watching = watch();
  return {
    get current() {
      return current;
    },
    get unexpectedEnds() {
      return unexpectedEnds;
    },
    async stop(hurry) {
      stopping.abort();
      await current.stop(hurry);
      // A start may have been under way when we were called.
      await watching;
      await current.stop(hurry);
    },
  };
}
