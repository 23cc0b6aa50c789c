import { fieldLength, LINE_END, TAB, writeField } from './copy-text.js';
import { csvError } from './csv-error.js';
import type { Encoding, FastEncoder, FastPath } from './fast-path.js';
import { columnOf, faultOf } from './malformed.js';
import { type Grammar, grammarOf, RecordView, readRecord } from './record.js';
import type { EncodeOptions, EncodeResult, RecordEncoder, RecordFormat } from './record-encoder.js';
import { RowSet } from './row-set.js';

const NO_ROWS = new RowSet();

/** Makes the encoder of any dialect: it reads record by record. */
export function parsedEncoder(format: RecordFormat): RecordEncoder {
  return new Encoder(format);
}

/** Makes the encoder of a plain dialect: the fast path encodes all records but those that it leaves. */
export function plainEncoder(format: RecordFormat, fastPath: FastPath): RecordEncoder {
  return new Encoder(format, fastPath);
}

class Encoder implements RecordEncoder {
  readonly #columns: number;
  readonly #grammar: Grammar;
  readonly #view: RecordView;
  readonly #fast: FastEncoder | undefined;

  constructor({ dialect, columns }: RecordFormat, fastPath?: FastPath) {
    this.#columns = columns;
    this.#grammar = grammarOf(dialect);
    this.#view = new RecordView(columns);
    this.#fast = fastPath?.encoder(this.#grammar, columns);
  }

  encode(bytes: Buffer, options: EncodeOptions): EncodeResult {
    const { from, out, firstRow, final, skip = NO_ROWS, maxInput, maxRefused = Number.POSITIVE_INFINITY } = options;
    const encoding: Encoding = {
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
    this.#encodeComplete(bytes, encoding, result, 0);
    if (final && !encoding.full && encoding.at < bytes.length && encoding.at < encoding.stop)
      this.#encodeTail(bytes, encoding, result);
    result.consumed = encoding.at - from;
    result.written = encoding.written;
    result.rows = encoding.row - firstRow;
    result.loaded = encoding.loaded;
    return result;
  }

  #encodeComplete(bytes: Buffer, encoding: Encoding, result: EncodeResult, base: number): void {
    const limit = bytes.lastIndexOf(this.#grammar.eol);
    this.#fast?.begin(bytes, limit);
    while (encoding.at <= limit && encoding.at < encoding.stop && !encoding.full) {
      this.#fast?.run(encoding);
      if (encoding.at > limit || encoding.at >= encoding.stop) break;
      if (!readRecord(bytes, encoding.at, limit, this.#grammar, this.#view)) break;
      this.#encodeRecord(bytes, encoding, result, base);
    }
    this.#fast?.end();
  }

  /** Gives the last record of a file the terminator that it lacks. */
  #encodeTail(bytes: Buffer, encoding: Encoding, result: EncodeResult): void {
    const start = encoding.at;
    const tail = Buffer.concat([bytes.subarray(start), Buffer.of(this.#grammar.eol)]);
    encoding.at = 0;
    encoding.stop = Number.POSITIVE_INFINITY;
    this.#encodeComplete(tail, encoding, result, start);
    if (encoding.at === 0 && !encoding.full) {
      const detail = 'A quote is opened in the last record and never closed.';
      throw csvError('unclosed_quote', detail, { row: encoding.row });
    }
    encoding.at = encoding.at === 0 ? start : bytes.length;
  }

  /** @param base added to the offsets of refused records */
  #encodeRecord(bytes: Buffer, encoding: Encoding, result: EncodeResult, base: number): void {
    const view = this.#view;
    const { row } = encoding;
    if (view.isBlank(this.#columns)) {
      encoding.at = view.next;
      return;
    }
    if (encoding.skip.from(row) !== row) {
      const fault = faultOf(view, this.#columns);
      if (fault !== null) {
        const length = view.end - view.start;
        const column = columnOf(view, fault);
        result.refused.push({ row, offset: base + view.start, length, reason: fault, column, found: view.fields });
        encoding.full = result.refused.length >= encoding.maxRefused;
      } else if (!this.#writeRecord(bytes, encoding, result)) return;
    }
    encoding.row++;
    encoding.at = view.next;
  }

  /** Returns false where the record does not fit. */
  #writeRecord(bytes: Buffer, encoding: Encoding, result: EncodeResult): boolean {
    const view = this.#view;
    const { out } = encoding;
    const number = String(encoding.row);
    const room = out.length - encoding.written;
    const most = number.length + 2 * (view.end - view.start) + 3 * this.#columns + 1;
    const needed = most <= room ? most : number.length + this.#fieldsLength(bytes) + 1;
    if (needed > room) {
      encoding.full = true;
      if (encoding.written === 0) result.needed = needed;
      return false;
    }
    let to = encoding.written + out.write(number, encoding.written, 'latin1');
    for (let c = 0; c < this.#columns; c++) {
      out[to++] = TAB;
      to = writeField(view.field(bytes, c), out, to);
    }
    out[to++] = LINE_END;
    encoding.written = to;
    encoding.loaded++;
    return true;
  }

  #fieldsLength(bytes: Buffer): number {
    let length = this.#columns;
    for (let c = 0; c < this.#columns; c++) length += fieldLength(this.#view.field(bytes, c));
    return length;
  }
}
