import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { epochsOf, type Fence, FencedError } from '../tasks/fence.js';

/** The interval between two looks at all watched fences, each one query. */
const WATCH_MS = 300;

interface Watched {
  fence: Fence;
  fenced: AbortController;
}

/**
 * Watches the fences of all steps in this worker. A step that waits (for its rate, for a permit) thus ends soon after a
 * command. One query for all of them is cheaper than heartbeats of the same latency.
 */
export class FenceWatch {
  readonly #pool: pg.Pool;
  readonly #watched = new Set<Watched>();
  #isRunning = false;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  /**
   * Runs `body` with a signal that fires with `signal`, or when a newer command has closed the fence.
   * @throws {FencedError} when the body was stopped by a command
   */
  async attend<T>(fence: Fence, signal: AbortSignal, body: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const fenced = new AbortController();
    const either = new AbortController();
    const pass = (from: AbortSignal) => () => either.abort(from.reason);
    const [onSignal, onFenced] = [pass(signal), pass(fenced.signal)];
    signal.addEventListener('abort', onSignal, { once: true });
    fenced.signal.addEventListener('abort', onFenced, { once: true });
    if (signal.aborted) onSignal();
    const watched = { fence, fenced };
    this.#watched.add(watched);
    void this.#run();
    try {
      return await body(either.signal);
    } catch (error) {
      throw fenced.signal.aborted && !signal.aborted ? fenced.signal.reason : error;
    } finally {
      this.#watched.delete(watched);
      signal.removeEventListener('abort', onSignal);
    }
  }

  async #run(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    while (this.#watched.size > 0) {
      await sleep(WATCH_MS);
      await this.#look();
    }
    this.#isRunning = false;
  }

  async #look(): Promise<void> {
    const watched = [...this.#watched];
    if (watched.length === 0) return;
    // While PostgreSQL is away no command can be given.
    const epochs = await epochsOf(this.#pool, [...new Set(watched.map(({ fence }) => fence.taskId))]).catch(() => null);
    if (!epochs) return;
    for (const { fence, fenced } of watched) {
      if (epochs.get(fence.taskId) !== fence.epoch) fenced.abort(new FencedError(`epoch ${fence.epoch} is over`));
    }
  }
}
