import { type Batch, copyPlainRecords } from './copy-plain.js';
import { CsvError } from './csv-error.js';
import type { Dialect } from './dialect.js';
import { faultOf, type Malformed } from './malformed.js';
import { CR, type Grammar, grammarOf, LF, QUOTE, RecordView, readRecord } from './record.js';
import { RowCounter } from './row-counter.js';

export interface EncodeOptions {
  /** Index in bytes of the first record to encode. */
  from: number;
  /** Takes the encoded records, from its first byte. */
  out: Buffer;
  /** Number in the file of the record at bytes[from]. */
  firstRow: number;
  /** The bytes reach to the end of the file: the last record may lack its terminator. */
  final: boolean;
  /** Rows to leave out (they are counted): those known to be malformed. May be asked twice about a row. */
  skip?: (row: number) => boolean;
  /** Stop after the record end that reaches this many bytes of input. */
  maxInput: number;
  /** Count the fields of every record, and refuse those with too many or too few: slower, for a file that has such records. */
  countFields?: boolean;
}

/** A record that cannot be handed to COPY and was left out although `skip` did not name it. */
export interface RefusedRecord {
  row: number;
  /** Index in bytes, and length without the terminator. */
  offset: number;
  length: number;
  reason: Malformed['reason'];
  /** Its number of fields. */
  found: number;
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

/**
 * Re-frames records for `COPY … FROM STDIN (FORMAT csv, DELIMITER …)`: each becomes `<row><delimiter><its bytes>\n`, the
 * bytes untouched wherever PostgreSQL reads them as RFC 4180 does. Its reader differs in two things
 * (CopyReadLineText, src/backend/commands/copyfromparse.c): a quote toggles wherever it stands, so records with a stray
 * quote (or a NUL) are refused; and an unquoted line-end byte of another kind is an error, so fields with one get quotes.
 * Unquoted empty stays NULL, `""` stays the empty string. A wrong number of fields is left for COPY to refuse unless
 * `countFields` says otherwise.
 */
export class BatchEncoder {
  readonly #columns: number;
  readonly #grammar: Grammar;
  readonly #view: RecordView;
  #countFields = false;

  constructor({ dialect, columns }: { dialect: Dialect; columns: number }) {
    this.#columns = columns;
    this.#grammar = grammarOf(dialect);
    this.#view = new RecordView(columns);
  }

  /**
   * Encodes the next records. Stops early where `out` is full; call again with what is left.
   * @throws CsvError unclosed_quote when the file ends inside quotes
   */
  encode(
    bytes: Buffer,
    { from, out, firstRow, final, skip, maxInput, countFields = false }: EncodeOptions,
  ): EncodeResult {
    this.#countFields = countFields;
    const counter = new RowCounter(firstRow);
    const batch: Batch = { at: from, stop: from + maxInput, out, written: 0, counter, skip, loaded: 0, full: false };
    const result: EncodeResult = { consumed: 0, written: 0, rows: 0, loaded: 0, refused: [] };
    this.#encodeComplete(bytes, batch, result, 0);
    if (final && !batch.full && batch.at < bytes.length && batch.at < batch.stop)
      this.#encodeTail(bytes, batch, result);
    result.consumed = batch.at - from;
    result.written = batch.written;
    result.rows = counter.value - firstRow;
    result.loaded = batch.loaded;
    return result;
  }

  #encodeComplete(bytes: Buffer, batch: Batch, result: EncodeResult, base: number): void {
    const limit = bytes.lastIndexOf(this.#grammar.eol);
    while (batch.at <= limit && batch.at < batch.stop && !batch.full) {
      if (!this.#countFields) copyPlainRecords(bytes, limit, this.#grammar, this.#columns, batch);
      if (batch.at > limit || batch.at >= batch.stop) return;
      if (!readRecord(bytes, batch.at, limit, this.#grammar, this.#view)) return;
      this.#encodeRecord(bytes, batch, result, base);
    }
  }

  /** The last record of a file, without a terminator: it is given one. */
  #encodeTail(bytes: Buffer, batch: Batch, result: EncodeResult): void {
    const start = batch.at;
    const tail = Buffer.concat([bytes.subarray(start), Buffer.of(this.#grammar.eol)]);
    batch.at = 0;
    batch.stop = Number.POSITIVE_INFINITY;
    this.#encodeComplete(tail, batch, result, start);
    if (batch.at === 0 && !batch.full) {
      const detail = 'A quote is opened in the last record and never closed.';
      throw new CsvError('unclosed_quote', detail, { row: batch.counter.value });
    }
    batch.at = batch.at === 0 ? start : bytes.length;
  }

  /** Any record at all, one at a time; `base` is added to the offsets of refused ones. */
  #encodeRecord(bytes: Buffer, batch: Batch, result: EncodeResult, base: number): void {
    const view = this.#view;
    if (this.#columns > 1 && view.end === view.start) {
      batch.at = view.next;
      return;
    }
    const row = batch.counter.value;
    const length = view.end - view.start;
    if (!batch.skip?.(row)) {
      const fault = faultOf(view, this.#columns);
      // What looks well formed to COPY's splitting passes as it is; only a record to be rewritten must have its fields.
      if (fault !== null && (this.#countFields || view.bare || view.nul > 0 || view.stray > 0)) {
        result.refused.push({ row, offset: base + view.start, length, reason: fault, found: view.fields });
      } else {
        const needed = batch.counter.width + 2 + length + (view.bare ? 2 * this.#columns : 0);
        if (batch.written + needed > batch.out.length) {
          batch.full = true;
          if (batch.written === 0) result.needed = needed;
          return;
        }
        this.#writeRecord(bytes, batch);
      }
    }
    batch.counter.increment();
    batch.at = view.next;
  }

  #writeRecord(bytes: Buffer, batch: Batch): void {
    const view = this.#view;
    const { out } = batch;
    let to = batch.counter.write(out, batch.written);
    if (!view.bare) {
      out[to++] = this.#grammar.delimiter;
      to += bytes.copy(out, to, view.start, view.end);
    } else {
      for (let c = 0; c < this.#columns; c++) {
        out[to++] = this.#grammar.delimiter;
        to = writeField(bytes, view.starts[c], view.ends[c], view.quoted[c], out, to);
      }
    }
    out[to++] = LF;
    batch.written = to;
    batch.loaded++;
  }
}

/** A field with a line-end byte gets quotes; no quote can be inside, for that would be stray. */
function writeField(bytes: Buffer, start: number, end: number, quoted: boolean, out: Buffer, at: number): number {
  let to = at;
  const quote = quoted || hasLineEnd(bytes, start, end);
  if (quote) out[to++] = QUOTE;
  to += bytes.copy(out, to, start, end);
  if (quote) out[to++] = QUOTE;
  return to;
}

function hasLineEnd(bytes: Buffer, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i] === CR || bytes[i] === LF) return true;
  return false;
}
