import { CAPACITY, INPUT, MEMORY } from './instance.js';

const NOTHING = Buffer.alloc(0);

/** The kernel's input: a stretch of a caller's bytes, which moves with the work. */
export class KernelInput {
  #bytes: Buffer = NOTHING;
  #eol = 0;
  /** Indexes into the caller's bytes: of the stretch's first byte, and after its last eol. */
  #from = 0;
  #end = 0;
  #limit = -1;

  /** Claims the input for these bytes, up to the eol at index `limit`, until `end`. */
  begin(bytes: Buffer, limit: number, eol: number): void {
    this.#bytes = bytes;
    this.#limit = limit;
    this.#eol = eol;
    this.#from = this.#end = 0;
  }

  /** Keeps nothing of the caller's. */
  end(): void {
    this.#bytes = NOTHING;
    this.#limit = -1;
  }

  /** Index after the last eol of the stretch. */
  get stretchEnd(): number {
    return this.#end;
  }

  /** Makes the stretch hold `at`; returns false when no eol follows within it. */
  reach(at: number): boolean {
    return (at >= this.#from && at < this.#end) || this.#load(at);
  }

  /** Moves the stretch so that it begins at `at`; returns false when that gives nothing new. */
  advance(at: number): boolean {
    return at > this.#from && this.#end <= this.#limit && this.#load(at);
  }

  /** Returns the address of an index. For an index after the stretch no call reaches that address. */
  addressOf(index: number): number {
    return INPUT + Math.min(Math.max(0, index - this.#from), CAPACITY + 1);
  }

  indexOf(address: number): number {
    return address - INPUT + this.#from;
  }

  #load(at: number): boolean {
    const length = Math.min(CAPACITY, this.#limit + 1 - at);
    this.#bytes.copy(MEMORY, INPUT, at, at + length);
    this.#from = at;
    this.#end = at + MEMORY.subarray(INPUT, INPUT + length).lastIndexOf(this.#eol) + 1;
    return this.#end > at;
  }
}
