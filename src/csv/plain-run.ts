import { MAX_RECORD_BYTES } from '../contract/limits.js';
import type { Dialect } from './dialect.js';
import type { FastPath, FastScanner } from './fast-path.js';
import { grammarOf } from './record.js';
import { LEAVES, TEXT } from './type-codes.js';

const LF = 10;
const CR = 13;

export interface PlainRunFormat {
  dialect: Dialect;
  columns: number;
  /** The name of the first column: a record that begins with it may repeat the header, and is left. */
  firstName?: string;
  /** A record with one of these values is left. */
  left: readonly Buffer[];
}

/** Finds how far records of RFC 4180 reach that are well formed, so that they can be copied as they are. */
export class PlainRun {
  /** Records of the last run. */
  rows = 0;
  readonly #fast: FastScanner;
  readonly #eol: number;
  readonly #names: Buffer[];
  #bytes: Buffer = Buffer.alloc(0);
  /** Where the next record may begin that begins with a name, as far as it is known. */
  #nameAt = -1;

  constructor({ dialect, columns, firstName = '', left }: PlainRunFormat, fastPath: FastPath) {
    const grammar = grammarOf(dialect);
    const types = new Uint8Array(columns).fill(TEXT | LEAVES);
    const evidence = { types, left, nulls: new Float64Array(columns), watch: () => false };
    this.#fast = fastPath.scanner(grammar, evidence, MAX_RECORD_BYTES);
    this.#eol = grammar.eol;
    this.#names =
      firstName === '' ? [] : [firstName, `"${firstName.replaceAll('"', '""')}"`].map((one) => Buffer.from(one));
  }

  /** Begins with bytes that a record begins. Until `end`, no other scan or encoding may run in this thread. */
  begin(bytes: Buffer): void {
    this.#bytes = bytes;
    this.#nameAt = -1;
    this.#fast.begin(bytes, bytes.lastIndexOf(this.#eol));
  }

  end(): void {
    this.#fast.end();
    this.#bytes = Buffer.alloc(0);
  }

  /** Returns the place after the last record, from `at` on, before one that is not plain or not whole. */
  reach(at: number): number {
    this.rows = 0;
    const before = this.#contentEnd(at, this.#nameFrom(at));
    if (before === at) return at;
    const { end, rows } = this.#fast.run(at, before + 1);
    this.rows = rows;
    return end;
  }

  /** Returns where the last record ends before `to`, without its line end: a run does not stop at blank lines. */
  #contentEnd(at: number, to: number): number {
    if (to === Number.POSITIVE_INFINITY) return to;
    let end = to;
    while (end > at && (this.#bytes[end - 1] === LF || this.#bytes[end - 1] === CR)) end--;
    return end;
  }

  #nameFrom(at: number): number {
    if (this.#nameAt < at) this.#nameAt = Math.min(...this.#names.map((name) => this.#find(name, at)));
    return this.#nameAt;
  }

  /** Returns where a record may begin with the name, from `at` on; infinity where none does. */
  #find(name: Buffer, at: number): number {
    if (at === 0 && this.#bytes.subarray(0, name.length).equals(name)) return 0;
    const found = this.#bytes.indexOf(Buffer.of(this.#eol, ...name), Math.max(0, at - 1));
    return found < 0 ? Number.POSITIVE_INFINITY : found + 1;
  }
}
