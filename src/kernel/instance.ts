import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { MAX_COLUMNS } from '../contract/limits.js';
import { LEFT_BYTES, LEFT_ROOM, MAX_LEFT } from '../csv/type-codes.js';

/** Of the types for WebAssembly, which come with those for browsers, as much as is needed here. */
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object) => { exports: unknown };
};

interface Global {
  readonly value: number;
}

/** What index.as.ts exports; places are addresses in its memory. */
interface Exports {
  memory: { buffer: ArrayBuffer };
  input: Global;
  output: Global;
  types: Global;
  nulls: Global;
  left: Global;
  leftSizes: Global;
  leftLengths: Global;
  CAPACITY: Global;
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
  spans: Global;
  spanned: Global;
  scannedRows: Global;
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
}

// `npm run build` compiles it; package.json says where it lies, for the sources and for what is built from them.
const file = createRequire(import.meta.url).resolve('#kernel');
const { exports } = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(file)));

/**
 * One per thread, shared by all scanners and encoders. Each `scan` or `encode` of theirs is synchronous and takes it
 * for itself.
 */
export const kernel = exports as Exports;

const { buffer } = kernel.memory;
/** The kernel's memory. */
export const MEMORY = Buffer.from(buffer);
/** Where its input begins, and how many bytes that holds. */
export const INPUT = kernel.input.value;
export const CAPACITY = kernel.CAPACITY.value;

/** Type codes of the columns, and NULLs found per column; see memory.as.ts. */
export const kernelTypes = new Uint8Array(buffer, kernel.types.value, MAX_COLUMNS);
export const kernelNulls = new Uint32Array(buffer, kernel.nulls.value, MAX_COLUMNS);

/** Has the kernel leave records with these values, where types have LEAVES; see memory.as.ts. */
export function leaveRecordsWith(values: readonly Buffer[]): void {
  const sizes = MEMORY.subarray(kernel.leftSizes.value, kernel.leftSizes.value + MAX_LEFT).fill(LEFT_BYTES + 1);
  let lengths = 0n;
  for (const [k, value] of values.entries()) {
    value.copy(MEMORY, kernel.left.value + k * LEFT_ROOM);
    sizes[k] = value.length;
    lengths |= 1n << BigInt(value.length);
  }
  MEMORY.writeBigUInt64LE(lengths, kernel.leftLengths.value);
}

/** Values of watched columns that the last scan ran over; see memory.as.ts. */
export function kernelSpans(): Uint32Array {
  const from = kernel.spans.value;
  return new Uint32Array(buffer, from, (kernel.spanned.value - from) >> 2);
}

/** What a call may write, and where it begins. */
export const OUTPUT = kernel.output.value;
export const OUTPUT_BYTES = CAPACITY;

/** Copies `length` bytes of the output. */
export function copyOutput(into: Buffer, at: number, length: number): void {
  MEMORY.copy(into, at, OUTPUT, OUTPUT + length);
}
