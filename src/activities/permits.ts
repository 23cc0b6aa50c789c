/** Gives a permit back. Further calls do nothing. */
export type Release = () => void;

/** Resolves a waiting call of `take`. */
type Grant = () => void;

/**
 * A fixed number of permits to work, granted by user: to the user with the fewest first, and in turn among equals. One
 * user holds at most all but one, so that work of another user can start at once.
 */
export class Permits {
  readonly #total: number;
  readonly #held = new Map<string, number>();
  /** By user, in the order of their turns: a user who gets a permit moves to the end. */
  readonly #waiting = new Map<string, Grant[]>();
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
      const giveUp = () => {
        this.#setWaiting(
          user,
          this.#waitingOf(user).filter((other) => other !== grant),
        );
        reject(signal.reason);
      };
      signal.addEventListener('abort', giveUp, { once: true });
      this.#setWaiting(user, [...this.#waitingOf(user), grant]);
      this.#grantNext();
    });
    return this.#release(user);
  }

  /** Returns the permits in use and the users that wait. */
  get usage(): { taken: number; free: number; waiting: number } {
    const waiting = [...this.#waiting.values()].reduce((sum, grants) => sum + grants.length, 0);
    return { taken: this.#total - this.#free, free: this.#free, waiting };
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
    for (let user = this.#nextUser(); user !== undefined && this.#free > 0; user = this.#nextUser()) {
      const [grant, ...others] = this.#waitingOf(user);
      this.#waiting.delete(user);
      this.#setWaiting(user, others);
      this.#held.set(user, this.#heldBy(user) + 1);
      this.#free--;
      grant!();
    }
  }

  #nextUser(): string | undefined {
    const most = Math.max(1, this.#total - 1);
    let next: string | undefined;
    for (const user of this.#waiting.keys()) {
      const held = this.#heldBy(user);
      if (held < most && (next === undefined || held < this.#heldBy(next))) next = user;
    }
    return next;
  }

  #waitingOf(user: string): Grant[] {
    return this.#waiting.get(user) ?? [];
  }

  #setWaiting(user: string, grants: Grant[]): void {
    if (grants.length > 0) this.#waiting.set(user, grants);
    else this.#waiting.delete(user);
  }

  #heldBy(user: string): number {
    return this.#held.get(user) ?? 0;
  }
}
