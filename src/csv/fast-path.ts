import type { Grammar } from './record.js';
import type { RowSet } from './row-set.js';

/**
 * Quick loops over plain records. Each stops before the first record that it leaves to `readRecord`, so that results
 * are the same without them: they are an option of the engine.
 */
export interface FastPath {
  encoder(grammar: Grammar, columns: number): FastEncoder;
  scanner(grammar: Grammar, evidence: RunningEvidence, maxRecordBytes: number): FastScanner;
}

export interface FastEncoder {
  /**
   * Claims the loops for runs over these bytes, until `end`.
   * @param limit index of the last eol byte
   */
  begin(bytes: Buffer, limit: number): void;
  /** Encodes records up to the first one that is not well formed, is listed in `skip`, or does not fit. */
  run(encoding: Encoding): void;
  end(): void;
}

/** An encoding under way. */
export interface Encoding {
  /** Next byte of input, and where to stop: at the first record end that reaches it. */
  at: number;
  stop: number;
  out: Buffer;
  written: number;
  /** Number of the next record. */
  row: number;
  skip: RowSet;
  loaded: number;
  /** True when the next record does not fit into the rest of `out`, or `maxRefused` is reached. */
  full: boolean;
  maxRefused: number;
}

export interface FastScanner {
  /**
   * Claims the loops for runs over these bytes, until `end`.
   * @param limit index of the last eol byte
   */
  begin(bytes: Buffer, limit: number): void;
  /** Reads the types of the columns again, after one has changed. */
  learnTypes(): void;
  /**
   * Runs over records up to the first one that is malformed or changes the type of a column.
   * @param stop index: stop at the first record end that reaches it
   */
  run(from: number, stop: number): FastScan;
  /** Adds the NULLs of all runs to the evidence. */
  end(): void;
}

/** What one run found. */
export interface FastScan {
  /** Start of the first record left. */
  end: number;
  rows: number;
  /** It ended because of `stop`. */
  stopped: boolean;
}

/** The part of the evidence that a fast path reads and counts in, by column. */
export interface RunningEvidence {
  /** Type codes so far, with SMALL where a value with more digits before its point has to be seen, and WATCHED. */
  readonly types: Uint8Array;
  /**
   * Adds a value of a watched column that the run has passed.
   * @param isQuoted its quotes are doubled
   * @returns whether it has changed what is known of the column
   */
  watch(bytes: Buffer, start: number, end: number, column: number, isQuoted: boolean): boolean;
  /** NULLs so far. */
  readonly nulls: Float64Array;
  /**
   * Values whose records are left, where the types have LEAVES: at most MAX_LEFT of LEFT_BYTES. Quotes in them are
   * doubled.
   */
  readonly left?: readonly Buffer[];
}
