/**
 * A pool of reusable buffers of one size. Allocating them for each part cost a third of a worker's time in garbage
 * collection and made its memory unpredictable.
 */
export class BufferPool {
  readonly #free: Buffer[] = [];

  /** @param bytes the size of each; @param keep how many unused ones are kept */
  constructor(
    readonly bytes: number,
    readonly keep: number,
  ) {}

  /** Lends some uncleared buffers until `body` has ended. */
  async use<T>(count: number, body: (buffers: Buffer[]) => Promise<T>): Promise<T> {
    const lent = Array.from({ length: count }, () => this.#free.pop() ?? Buffer.allocUnsafeSlow(this.bytes));
    try {
      return await body(lent);
    } finally {
      this.#free.push(...lent.slice(0, Math.max(0, this.keep - this.#free.length)));
    }
  }
}
