/** Gives a permit back. Further calls do nothing. */
export type Release = () => void;

interface Waiter {
  user: string;
  grant(): void;
}

/**
 * A fixed number of permits to work, granted by user: first to the user who holds the fewest, then in the order in which they
 * asked. One user holds at most all but one, so that another user's work starts at once however much the first one has.
 */
export class Permits {
  readonly #total: number;
  readonly #held = new Map<string, number>();
  #waiting: Waiter[] = [];
  #free: number;

  constructor(total: number) {
    this.#total = total;
    this.#free = total;
  }

  /** Runs `body` with a permit of the user. Rejects when the signal fires before there is one. */
  async use<T>(user: string, signal: AbortSignal, body: () => Promise<T>): Promise<T> {
    const release = await this.take(user, signal);
    try {
      return await body();
    } finally {
      release();
    }
  }

  /** Takes a permit of the user as soon as there is one. @throws the reason of the signal when it fires before */
  async take(user: string, signal: AbortSignal): Promise<Release> {
    signal.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const grant = () => {
        signal.removeEventListener('abort', giveUp);
        resolve();
      };
      const waiter = { user, grant };
      const giveUp = () => {
        this.#waiting = this.#waiting.filter((other) => other !== waiter);
        reject(signal.reason);
      };
      signal.addEventListener('abort', giveUp, { once: true });
      this.#waiting.push(waiter);
      this.#grantNext();
    });
    return this.#release(user);
  }

  #release(user: string): Release {
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      const left = this.#heldBy(user) - 1;
      if (left > 0) this.#held.set(user, left);
      else this.#held.delete(user);
      this.#free++;
      this.#grantNext();
    };
  }

  #grantNext(): void {
    for (let next = this.#next(); next && this.#free > 0; next = this.#next()) {
      const granted = next;
      this.#waiting = this.#waiting.filter((waiter) => waiter !== granted);
      this.#held.set(granted.user, this.#heldBy(granted.user) + 1);
      this.#free--;
      granted.grant();
    }
  }

  #next(): Waiter | undefined {
    const most = Math.max(1, this.#total - 1);
    let best: Waiter | undefined;
    for (const waiter of this.#waiting) {
      const held = this.#heldBy(waiter.user);
      if (held < most && (!best || held < this.#heldBy(best.user))) best = waiter;
    }
    return best;
  }

  #heldBy(user: string): number {
    return this.#held.get(user) ?? 0;
  }
}
