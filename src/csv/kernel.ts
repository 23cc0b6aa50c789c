import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/** Of the types for WebAssembly, which come with those for browsers, as much as is needed here. */
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object) => { exports: unknown };
};

interface Global {
  readonly value: number;
}

/** What src/kernel exports; places are addresses in its memory. */
interface Exports {
  memory: { buffer: ArrayBuffer };
  input: Global;
  output: Global;
  types: Global;
  nulls: Global;
  CAPACITY: Global;
  scan(
    from: number,
    end: number,
    stop: number,
    columns: number,
    delimiter: number,
    eol: number,
    longest: number,
  ): number;
  scannedRows: Global;
  blankLines: Global;
  isStopped: Global;
  isScanCut: Global;
  encode(
    from: number,
    end: number,
    stop: number,
    out: number,
    outEnd: number,
    columns: number,
    delimiter: number,
    eol: number,
    firstRow: number,
    mostRows: number,
  ): number;
  encodedRows: Global;
  written: Global;
  isFull: Global;
  isEncodeCut: Global;
  typeOf(at: number, length: number): number;
}

// `npm run build` compiles it; package.json says where it lies, for the sources and for what is built from them.
const file = createRequire(import.meta.url).resolve('#kernel');
const { exports } = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(file)));

/** One per thread. Calls are synchronous and leave nothing behind, so that all scanners and encoders share it. */
export const kernel = exports as Exports;

const MEMORY = Buffer.from(kernel.memory.buffer);
const INPUT = kernel.input.value;
const CAPACITY = kernel.CAPACITY.value;

/** Type codes of the columns, and NULLs met per column; see src/kernel/memory.ts. */
export const kernelTypes = new Uint8Array(kernel.memory.buffer, kernel.types.value, 1600);
export const kernelNulls = new Uint32Array(kernel.memory.buffer, kernel.nulls.value, 1600);

/** What a call may write, and where it begins. */
export const OUTPUT = kernel.output.value;
export const OUTPUT_BYTES = CAPACITY;

/** Copies `length` bytes of the output. */
export function copyOutput(into: Buffer, at: number, length: number): void {
  MEMORY.copy(into, at, OUTPUT, OUTPUT + length);
}

/** Copies a value of at most OUTPUT_BYTES to where the output else is, and returns its address. */
export function placeValue(bytes: Uint8Array, start: number, end: number): number {
  MEMORY.set(bytes.subarray(start, end), OUTPUT);
  return OUTPUT;
}

/** The stretch of a caller's bytes that lies in the kernel's input: it is moved on as the work goes on. */
export class KernelInput {
  #bytes: Buffer = Buffer.alloc(0);
  #eol = 0;
  /** Indexes into the caller's bytes: of the stretch's first byte, and behind its last eol. */
  #from = 0;
  #end = 0;
  #limit = -1;

  /** Begins to work on bytes, or on the same ones after somebody else has used the kernel. */
  begin(bytes: Buffer, limit: number, eol: number): void {
    this.#bytes = bytes;
    this.#limit = limit;
    this.#eol = eol;
    this.#from = this.#end = 0;
  }

  /** Index behind the last eol of the input. */
  get end(): number {
    return this.#end;
  }

  /** Has the stretch hold `at`; false when no eol follows within it. */
  reach(at: number): boolean {
    return (at >= this.#from && at < this.#end) || this.#load(at);
  }

  /** Moves the stretch so that it begins at `at`; false when that gives nothing new. */
  advance(at: number): boolean {
    return at > this.#from && this.#end <= this.#limit && this.#load(at);
  }

  /** The address of an index, which may lie behind the stretch: then it is an address that no call reaches. */
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
