import { setTimeout as sleep } from 'node:timers/promises';

/** Unused time may be caught up to this much, so that the gaps between two parts do not lower the rate. */
const CATCH_UP_MS = 400;

/** Holds tasks to a rate in bytes per second, over all their parts in this process. */
export class Pacer {
  /** Per task: the moment (monotonic, ms) up to which the bytes given out so far are paid for. */
  readonly #paidUntil = new Map<string, number>();

  /** The most bytes to ask for at once, so that a slow task still moves, and stops, several times a second. */
  static portion(bytesPerSecond: number | undefined, most: number): number {
    return bytesPerSecond ? Math.max(1, Math.min(most, Math.floor(bytesPerSecond / 10))) : most;
  }

  /** Waits until `bytes` may pass. Rejects at once when the signal fires. */
  async pass(taskId: string, bytes: number, bytesPerSecond: number | undefined, signal: AbortSignal): Promise<void> {
    if (!bytesPerSecond) return;
    const now = performance.now();
    const paid = Math.max(this.#paidUntil.get(taskId) ?? now, now - CATCH_UP_MS);
    this.#paidUntil.set(taskId, paid + (bytes / bytesPerSecond) * 1000);
    if (paid > now) await sleep(paid - now, undefined, { signal });
  }

  /** Forgets a task that has ended. */
  forget(taskId: string): void {
    this.#paidUntil.delete(taskId);
  }
}
