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
  return new Supervisor(options, await options.start());
}

class Supervisor<R extends Running> implements Supervised<R> {
  current: R;
  unexpectedEnds = 0;
  readonly #options: SuperviseOptions<R>;
  readonly #stopping = new AbortController();
  readonly #watching: Promise<void>;

  constructor(options: SuperviseOptions<R>, first: R) {
    this.#options = options;
    this.current = first;
    options.onStart?.(first);
    this.#watching = this.#watch();
  }

  async stop(hurry?: AbortSignal): Promise<void> {
    this.#stopping.abort();
    await this.current.stop(hurry);
    // A start may have been under way when we were called.
    await this.#watching;
    await this.current.stop(hurry);
  }

  async #watch(): Promise<void> {
    const { name, log } = this.#options;
    for (let pause = 0; !this.#stopping.signal.aborted; ) {
      const began = Date.now();
      const end = await this.current.exited;
      if (this.#stopping.signal.aborted) return;
      this.unexpectedEnds++;
      log(`${name} ended unexpectedly (${end}), starting it again`);
      if (Date.now() - began > calmMs) pause = 0;
      pause = await this.#restart(pause);
    }
  }

  /** Resolves to the pause that the next restart has to keep. */
  async #restart(pause: number): Promise<number> {
    const { name, start, log, onStart } = this.#options;
    const { signal } = this.#stopping;
    await sleep(pause, undefined, { signal }).catch(() => {});
    if (signal.aborted) return pause;
    const nextPause = Math.min(Math.max(pause * 2, firstPauseMs), longestPauseMs);
    try {
      this.current = await start();
    } catch (error) {
      log(`${name} could not be started: ${(error as Error).message}`);
      return this.#restart(nextPause);
    }
    if (signal.aborted) return pause;
    log(`${name} runs again (pid ${this.current.pid})`);
    onStart?.(this.current);
    return nextPause;
  }
}
