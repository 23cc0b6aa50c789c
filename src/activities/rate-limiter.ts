import { setTimeout as sleep } from 'node:timers/promises';

/** Unused time may be caught up to this much, so that the gaps between two parts do not lower the rate. */
const CATCH_UP_MS = 400;
/** A shorter wait is not worth a rest: it is added to the next one. */
const SHORTEST_REST_MS = 10;
/** A timer takes at most 24 days. */
const LONGEST_REST_MS = 3_600_000;
/**
 * Batches are not cut smaller than this for a rate, unless that would take longer than a second: each costs a
 * transaction.
 */
const SMALLEST_PORTION = 8 << 10;

/**
 * Limits tasks to a rate in bytes per second, over all their parts in this process. Bytes pass first, and the task
 * waits for them afterwards.
 */
export class RateLimiter {
  /** Per task: the moment (monotonic, ms) up to which the bytes that have passed are paid for. */
  readonly #paidUntil = new Map<string, number>();

  /**
   * Returns the max bytes of a batch: those of a tenth of a second, for a slow task of up to a second. So the task
   * moves and stops soon.
   */
  static portion(bytesPerSecond: number | undefined, most: number): number {
    if (!bytesPerSecond) return most;
    const portion = Math.max(bytesPerSecond / 10, Math.min(bytesPerSecond, SMALLEST_PORTION));
    return Math.max(1, Math.min(most, Math.floor(portion)));
  }

  /** Charges the task for bytes that have passed. */
  charge(taskId: string, bytes: number, bytesPerSecond: number | undefined): void {
    if (!bytesPerSecond) return;
    const now = performance.now();
    const paid = Math.max(this.#paidUntil.get(taskId) ?? now, now - CATCH_UP_MS);
    this.#paidUntil.set(taskId, paid + (bytes / bytesPerSecond) * 1000);
  }

  /** Returns whether the task must wait before more bytes may pass. */
  owes(taskId: string): boolean {
    return this.#debt(taskId) >= SHORTEST_REST_MS;
  }

  /** Waits until what has passed is paid for. Rejects at once when the signal fires. */
  async rest(taskId: string, signal: AbortSignal): Promise<void> {
    while (this.owes(taskId)) await sleep(Math.min(this.#debt(taskId), LONGEST_REST_MS), undefined, { signal });
  }

  /** Forgets a task that has ended. */
  forget(taskId: string): void {
    this.#paidUntil.delete(taskId);
  }

  #debt(taskId: string): number {
    return (this.#paidUntil.get(taskId) ?? 0) - performance.now();
  }
}
