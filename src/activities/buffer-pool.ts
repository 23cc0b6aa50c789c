/**
 * Buffers of one size, lent and used again. Made anew for each part they cost a third of a worker's time in garbage
 * collection, and its memory would follow the collector's mood.
 */
export class BufferPool {
  readonly #free: Buffer[] = [];

  /** @param bytes the size of each; @param keep how many unused ones are kept */
  constructor(
    readonly bytes: number,
    readonly keep: number,
  ) {}

  /** Lends a buffer, with whatever is in it, until `body` has ended. */
  async use<T>(body: (buffer: Buffer) => Promise<T>): Promise<T> {
    const buffer = this.#free.pop() ?? Buffer.allocUnsafeSlow(this.bytes);
    try {
      return await body(buffer);
    } finally {
      if (this.#free.length < this.keep) this.#free.push(buffer);
    }
  }
}
