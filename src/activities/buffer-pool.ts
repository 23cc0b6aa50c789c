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

  /** Lends an uncleared buffer until `body` has ended. */
  async use<T>(body: (buffer: Buffer) => Promise<T>): Promise<T> {
    const buffer = this.#free.pop() ?? Buffer.allocUnsafeSlow(this.bytes);
    try {
      return await body(buffer);
    } finally {
      if (this.#free.length < this.keep) this.#free.push(buffer);
    }
  }
}
