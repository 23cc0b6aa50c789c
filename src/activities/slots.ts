/** The shortest and the longest delay before a step without a slot is retried. */
const SOONEST_MS = 1_000;
const LATEST_MS = 60_000;
/** The interval between such retries, so that those of a thousand tasks do not overload the server. */
const APART_MS = 100;

/** The user's steps occupy as many slots as there are free ones. The step must be retried later. */
export class SlotsFullError extends Error {
  override readonly name = 'SlotsFullError';

  constructor(readonly retryMs: number) {
    super("this user's steps already occupy as many slots as are free");
  }
}

/**
 * The slots for steps that this worker has accepted and that work or wait here. Each user may occupy as many as are
 * left free: one alone half of them, two a third each. So some are free for the next user, and steps that wait for
 * hours (a gentle load) keep none of another user's from being accepted. (Choudhury and Hahne, "Dynamic queue length
 * thresholds", 1998.)
 */
export class Slots {
  readonly #occupied = new Map<string, number>();
  #free: number;
  #comesAgain = 0;

  constructor(total: number) {
    this.#free = total;
  }

  /** Occupies a slot. Returns what frees it. @throws {SlotsFullError} */
  occupy(user: string): () => void {
    const occupied = this.#occupied.get(user) ?? 0;
    if (occupied >= this.#free) throw new SlotsFullError(this.#retryMs());
    this.#occupied.set(user, occupied + 1);
    this.#free--;
    return () => this.#leave(user);
  }

  /** Returns the slots in use and the free ones; a step without a slot waits in Temporal. */
  get usage(): { taken: number; free: number } {
    const taken = [...this.#occupied.values()].reduce((sum, count) => sum + count, 0);
    return { taken, free: this.#free };
  }

  #leave(user: string): void {
    const left = (this.#occupied.get(user) ?? 1) - 1;
    if (left > 0) this.#occupied.set(user, left);
    else this.#occupied.delete(user);
    this.#free++;
  }

  #retryMs(): number {
    const now = performance.now();
    this.#comesAgain = Math.min(Math.max(now + SOONEST_MS, this.#comesAgain + APART_MS), now + LATEST_MS);
    return Math.round(this.#comesAgain - now);
  }
}
