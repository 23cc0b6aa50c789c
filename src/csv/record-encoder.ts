import type { Dialect } from './dialect.js';
import type { Malformed } from './malformed.js';
import type { RowSet } from './row-set.js';

/** How the records of a file are written, and how many fields each has. */
export interface RecordFormat {
  dialect: Dialect;
  /** 1 to 1,599. */
  columns: number;
}

/**
 * Turns the bytes of a file into rows for `COPY … FROM STDIN` in its text format, each a line: its number, a tab, and
 * its fields with tabs between. NULL is `\N`, the empty string nothing at all. PostgreSQL reads it fastest: with CSV
 * it searches every byte for quotes (manual, COPY, "File Formats").
 */
export interface RecordEncoder {
  /**
   * Encodes the next records. Stops early where `out` is full; the caller passes the rest again.
   * @throws {TaskError} unclosed_quote when the file ends inside quotes
   */
  encode(bytes: Buffer, options: EncodeOptions): EncodeResult;
}

export interface EncodeOptions {
  /** Index in bytes of the first record to encode. */
  from: number;
  /** Receives the encoded records, from its first byte. */
  out: Buffer;
  /** Number in the file of the record at bytes[from]. */
  firstRow: number;
  /** The bytes reach to the end of the file: the last record may lack its terminator. */
  final: boolean;
  /** Rows to leave out (they are counted): those known to be malformed, or to be refused by PostgreSQL. */
  skip?: RowSet;
  /** Stop after the record end that reaches this many bytes of input. */
  maxInput: number;
  /** Stop after this number of refused records. Without a limit by default. */
  maxRefused?: number;
}

export interface EncodeResult {
  /** Bytes of input, from `from`, that are done with: up to a record end. */
  consumed: number;
  /** Bytes of `out` that are filled. */
  written: number;
  /** Records consumed, those left out included. */
  rows: number;
  /** Records written: rows = loaded + skipped + refused. */
  loaded: number;
  refused: RefusedRecord[];
  /** Set when `out`, still empty, is too small for the next record alone: the bytes that would do. */
  needed?: number;
}

/** A record that cannot be handed to COPY and was left out although `skip` did not name it. */
export interface RefusedRecord {
  row: number;
  /** Index in bytes, and length without the terminator. */
  offset: number;
  length: number;
  reason: Malformed['reason'];
  /** The column at fault, from 1; null where it is the record as a whole. */
  column: number | null;
  /** Its number of fields. */
  found: number;
}
