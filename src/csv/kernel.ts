import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { TEXT, type TypeCode } from './value-type.js';

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
  MAX_COLUMNS: Global;
  LONGEST_TYPED: Global;
  isCut: Global;
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
  typeOf(at: number, length: number): number;
}

// `npm run build` compiles it; package.json says where it lies, for the sources and for what is built from them.
const file = createRequire(import.meta.url).resolve('#kernel');
const { exports } = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(file)));

/** One per thread, shared by all scanners and encoders. Each `scan` or `encode` of theirs is synchronous and takes it for itself. */
export const kernel = exports as Exports;

const { buffer } = kernel.memory;
const MEMORY = Buffer.from(buffer);
const INPUT = kernel.input.value;
const CAPACITY = kernel.CAPACITY.value;

/** The most columns that a file may have. */
export const MAX_COLUMNS = kernel.MAX_COLUMNS.value;

/** The kernel checks nothing: with more columns it would write over what lies behind them. */
export function assertColumns(columns: number): void {
  if (columns < 1 || columns > MAX_COLUMNS)
    throw new RangeError(`a file has 1 to ${MAX_COLUMNS} columns, not ${columns}`);
}

/** Type codes of the columns, and NULLs met per column; see src/kernel/memory.ts. */
export const kernelTypes = new Uint8Array(buffer, kernel.types.value, MAX_COLUMNS);
export const kernelNulls = new Uint32Array(buffer, kernel.nulls.value, MAX_COLUMNS);

/** What a call may write, and where it begins. */
export const OUTPUT = kernel.output.value;
export const OUTPUT_BYTES = CAPACITY;

/** Copies `length` bytes of the output. */
export function copyOutput(into: Buffer, at: number, length: number): void {
  MEMORY.copy(into, at, OUTPUT, OUTPUT + length);
}

/** The narrowest type whose PostgreSQL output is exactly these bytes (never NONE). Goes by way of the output; the input stays. */
export function typeOfValue(bytes: Uint8Array, start: number, end: number): TypeCode {
  if (end - start > kernel.LONGEST_TYPED.value) return TEXT;
  MEMORY.set(bytes.subarray(start, end), OUTPUT);
  return kernel.typeOf(OUTPUT, end - start) as TypeCode;
}

const NOTHING = Buffer.alloc(0);

/** The kernel's input: a stretch of a caller's bytes, which is moved on as the work goes on. */
export class KernelInput {
  #bytes: Buffer = NOTHING;
  #eol = 0;
  /** Indexes into the caller's bytes: of the stretch's first byte, and behind its last eol. */
  #from = 0;
  #end = 0;
  #limit = -1;

  /** Takes the input for these bytes, up to the eol at index `limit`, until `end`. */
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

  /** Index behind the last eol of the stretch. */
  get stretchEnd(): number {
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
