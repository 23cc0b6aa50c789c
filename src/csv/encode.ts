import { CsvError } from './csv-error.js';
import type { Dialect } from './dialect.js';
import { faultOf, type Malformed } from './malformed.js';
import { type Batch, PlainEncoder } from './plain-encoder.js';
import { CR, type Grammar, grammarOf, LF, QUOTE, RecordView, readRecord } from './record.js';
import { RowSet } from './row-set.js';

export interface EncodeOptions {
  /** Index in bytes of the first record to encode. */
  from: number;
  /** Takes the encoded records, from its first byte. */
  out: Buffer;
  /** Number in the file of the record at bytes[from]. */
  firstRow: number;
  /** The bytes reach to the end of the file: the last record may lack its terminator. */
  final: boolean;
  /** Rows to leave out (they are counted): those known to be malformed, or to be refused by PostgreSQL. */
  skip?: RowSet;
  /** Stop after the record end that reaches this many bytes of input. */
  maxInput: number;
  /** Stop after so many refused records. Without a limit by default. */
  maxRefused?: number;
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

const TAB = 9;
const BACKSLASH = 92;
const NO_ROWS = new RowSet();

/** The kernel's rules once more, for records that do not fit it: the letter behind a backslash for a byte that the format gives a meaning. */
const ESCAPES = new Uint8Array(256);
for (const [byte, letter] of [
  [LF, 'n'],
  [CR, 'r'],
  [TAB, 't'],
  [BACKSLASH, '\\'],
  // Not escaped: it stands for itself, where the file has two.
  [QUOTE, '"'],
] as const)
  ESCAPES[byte] = letter.charCodeAt(0);

/**
 * Writes records for `COPY … FROM STDIN` in its text format, each a line: its number, a tab, and its fields with tabs in
 * between. Unquoted empty becomes NULL (`\N`), `""` the empty string. Records that are malformed are refused. It is the
 * format that PostgreSQL reads fastest: with CSV it looks at each byte once more, for quotes (manual, COPY, "File Formats").
 */
export class BatchEncoder {
  readonly #columns: number;
  readonly #grammar: Grammar;
  readonly #view: RecordView;
  readonly #plain: PlainEncoder;

  constructor({ dialect, columns }: { dialect: Dialect; columns: number }) {
    this.#columns = columns;
    this.#grammar = grammarOf(dialect);
    this.#view = new RecordView(columns);
    this.#plain = new PlainEncoder(this.#grammar, columns);
  }

  /**
   * Encodes the next records. Stops early where `out` is full; call again with what is left.
   * @throws CsvError unclosed_quote when the file ends inside quotes
   */
  encode(bytes: Buffer, options: EncodeOptions): EncodeResult {
    const { from, out, firstRow, final, skip = NO_ROWS, maxInput, maxRefused = Number.POSITIVE_INFINITY } = options;
    const batch: Batch = {
      at: from,
      stop: from + maxInput,
      out,
      written: 0,
      row: firstRow,
      skip,
      loaded: 0,
      full: false,
      maxRefused,
    };
    const result: EncodeResult = { consumed: 0, written: 0, rows: 0, loaded: 0, refused: [] };
    this.#encodeComplete(bytes, batch, result, 0);
    if (final && !batch.full && batch.at < bytes.length && batch.at < batch.stop)
      this.#encodeTail(bytes, batch, result);
    result.consumed = batch.at - from;
    result.written = batch.written;
    result.rows = batch.row - firstRow;
    result.loaded = batch.loaded;
    return result;
  }

  #encodeComplete(bytes: Buffer, batch: Batch, result: EncodeResult, base: number): void {
    const limit = bytes.lastIndexOf(this.#grammar.eol);
    this.#plain.begin(bytes, limit);
    while (batch.at <= limit && batch.at < batch.stop && !batch.full) {
      this.#plain.run(batch);
      if (batch.at > limit || batch.at >= batch.stop) break;
      if (!readRecord(bytes, batch.at, limit, this.#grammar, this.#view)) break;
      this.#encodeRecord(bytes, batch, result, base);
    }
    this.#plain.end();
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
      throw new CsvError('unclosed_quote', detail, { row: batch.row });
    }
    batch.at = batch.at === 0 ? start : bytes.length;
  }

  /** Any record at all, one at a time; `base` is added to the offsets of refused ones. */
  #encodeRecord(bytes: Buffer, batch: Batch, result: EncodeResult, base: number): void {
    const view = this.#view;
    if (view.isBlank(this.#columns)) {
      batch.at = view.next;
      return;
    }
    const { row } = batch;
    if (batch.skip.from(row) !== row) {
      const length = view.end - view.start;
      const fault = faultOf(view, this.#columns);
      if (fault !== null) {
        result.refused.push({ row, offset: base + view.start, length, reason: fault, found: view.fields });
        batch.full = result.refused.length >= batch.maxRefused;
      } else {
        const room = batch.out.length - batch.written;
        const most = String(row).length + 2 * length + 3 * this.#columns + 1;
        const needed = most <= room ? most : String(row).length + this.#fieldsLength(bytes) + 1;
        if (needed > room) {
          batch.full = true;
          if (batch.written === 0) result.needed = needed;
          return;
        }
        this.#writeRecord(bytes, batch);
      }
    }
    batch.row++;
    batch.at = view.next;
  }

  /** Bytes of the record at hand in text format, its number and line end left out. */
  #fieldsLength(bytes: Buffer): number {
    const { starts, ends, quoted } = this.#view;
    let length = this.#columns;
    for (let c = 0; c < this.#columns; c++) length += fieldLength(bytes, starts[c], ends[c], quoted[c]);
    return length;
  }

  #writeRecord(bytes: Buffer, batch: Batch): void {
    const { starts, ends, quoted } = this.#view;
    const { out } = batch;
    let to = batch.written + out.write(String(batch.row), batch.written, 'latin1');
    for (let c = 0; c < this.#columns; c++) {
      out[to++] = TAB;
      to = writeField(bytes, starts[c], ends[c], quoted[c], out, to);
    }
    out[to++] = LF;
    batch.written = to;
    batch.loaded++;
  }
}

function fieldLength(bytes: Buffer, start: number, end: number, quoted: boolean): number {
  if (start === end) return quoted ? 0 : 2;
  let length = end - start;
  for (let i = start; i < end; i++) {
    if (ESCAPES[bytes[i]] === 0) continue;
    // A quote inside of quotes is written twice, every other of these bytes gets a backslash.
    if (bytes[i] !== QUOTE) length++;
    else {
      length--;
      i++;
    }
  }
  return length;
}

function writeField(bytes: Buffer, start: number, end: number, quoted: boolean, out: Buffer, at: number): number {
  if (start === end && !quoted) return at + out.write('\\N', at, 'latin1');
  let to = at;
  let from = start;
  for (let i = start; i < end; i++) {
    const letter = ESCAPES[bytes[i]];
    if (letter === 0) continue;
    to = copyStretch(bytes, from, i, out, to);
    if (letter !== QUOTE) out[to++] = BACKSLASH;
    else i++;
    out[to++] = letter;
    from = i + 1;
  }
  return copyStretch(bytes, from, end, out, to);
}

/** A native copy costs more per call than a short stretch costs byte by byte. */
function copyStretch(bytes: Buffer, from: number, end: number, out: Buffer, at: number): number {
  if (end - from > 64) return at + bytes.copy(out, at, from, end);
  let to = at;
  for (let i = from; i < end; i++) out[to++] = bytes[i];
  return to;
}
