import type { StoreFile } from '../storage/store.js';

const READ_BYTES = 512 << 10;

/** Reads a stored file in long stretches, of which it gives short ones in their order. */
export class ReadAhead {
  readonly #file: StoreFile;
  #bytes = Buffer.alloc(0);
  #from = 0;

  constructor(file: StoreFile) {
    this.#file = file;
  }

  /** Returns the bytes at a place: `length` of them, or up to the end of the file. */
  async at(place: number, length: number): Promise<Buffer> {
    const until = Math.min(place + length, this.#file.size);
    if (place < this.#from || until > this.#from + this.#bytes.length) {
      const buffer = Buffer.allocUnsafe(Math.max(length, READ_BYTES));
      this.#bytes = buffer.subarray(0, await this.#file.read(buffer, place));
      this.#from = place;
    }
    return this.#bytes.subarray(place - this.#from, Math.max(place, until) - this.#from);
  }
}
