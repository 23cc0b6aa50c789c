import { MAX_RECORD_BYTES } from '../contract/limits.js';
import type { Dialect } from './dialect.js';
import type { FastPath, FastScanner } from './fast-path.js';
import { grammarOf } from './record.js';
import { LEAVES, TEXT } from './type-codes.js';

export interface PlainRunFormat {
  dialect: Dialect;
  columns: number;
  /** A record with one of these values is left. */
  left: readonly Buffer[];
}

/** Finds how far records of RFC 4180 reach that are well formed, so that they can be copied as they are. */
export class PlainRun {
  /** Records of the last run. */
  rows = 0;
  readonly #fast: FastScanner;
  readonly #eol: number;

  constructor({ dialect, columns, left }: PlainRunFormat, fastPath: FastPath) {
    const grammar = grammarOf(dialect);
    const types = new Uint8Array(columns).fill(TEXT | LEAVES);
    const evidence = { types, left, nulls: new Float64Array(columns), watch: () => false };
    this.#fast = fastPath.scanner(grammar, evidence, MAX_RECORD_BYTES);
    this.#eol = grammar.eol;
  }

  /** Begins with bytes that a record begins. Until `end`, no other scan or encoding may run in this thread. */
  begin(bytes: Buffer): void {
    this.#fast.begin(bytes, bytes.lastIndexOf(this.#eol));
  }

  end(): void {
    this.#fast.end();
  }

  /** Returns the place after the last record, from `at` on, before one that is not plain or not whole. */
  reach(at: number): number {
    const { end, rows } = this.#fast.run(at, Number.POSITIVE_INFINITY);
    this.rows = rows;
    return end;
  }
}
