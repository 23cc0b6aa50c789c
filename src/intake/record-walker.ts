import type { Reading } from '../contract/task.js';
import type { PlainRun } from '../csv/plain-run.js';
import type { FieldList } from '../dialect/field-list.js';
import { RecordReader, type RejectReason, type TextRecord } from '../dialect/record-reader.js';
import type { SourceLines } from './source-lines.js';
import { SourceMap } from './source-map.js';

/** Where in a file a record begins. */
export interface RecordPlace {
  row: number;
  byteOffset: number;
}

/** Why a record cannot become a row: the column at fault, from 1, and the number of its fields. */
export interface RecordFault {
  reason: RejectReason | 'invalid_utf8';
  column: number | null;
  found: number;
}

/** A record of a file. Its fields are those of the walker. */
export interface WalkedRecord {
  record: TextRecord;
  fault: RecordFault | null;
  /** Reads where it is in the file, and its bytes there without the line end. */
  source(): { byteOffset: number; raw: Buffer };
}

/** Copies records that need no reading. */
interface Copying {
  run: PlainRun;
  copy(bytes: Buffer): void;
}

/** Walks over the records of a file, block by block, from its beginning or from a known place. Used once. */
export class RecordWalker {
  /** Records so far: the number in the file of the last one. */
  rows: number;
  readonly #map: SourceMap;
  readonly #reader: RecordReader;
  readonly #copying: Copying | undefined;
  /** The text that is not read yet, and where it begins. */
  #rest: Buffer = Buffer.alloc(0);
  #base = 0;
  /** The number of bytes needed before the next attempt to read a record. */
  #enough = 0;
  #toSkip: number;
  /** Lines with bytes that are not of the encoding, as places of the text. */
  #bad: SourceLines['bad'] = [];

  constructor(reading: Reading, at?: RecordPlace, copying?: Copying) {
    this.#toSkip = at ? 0 : reading.dataStart;
    this.rows = at ? at.row - 1 : 0;
    this.#map = new SourceMap(reading.encoding);
    this.#reader = new RecordReader({ ...reading, firstRow: this.rows + 1 });
    this.#copying = copying;
  }

  get fields(): FieldList {
    return this.#reader.fields;
  }

  /**
   * Reads a block of lines; `null` says that the file has ended.
   * @returns the place after the block, where no record is cut there
   */
  take(lines: SourceLines | null, visit: (walked: WalkedRecord) => void): RecordPlace | null {
    if (lines) this.#add(lines);
    if (!lines || this.#rest.length >= this.#enough) this.#readAll(!lines, visit);
    const isCut = this.#rest.length > 0 || this.#toSkip > 0;
    const place = isCut ? null : { row: this.rows + 1, byteOffset: this.#map.offsetAt(this.#base) };
    this.#map.dropBefore(this.#base);
    return place;
  }

  #add(lines: SourceLines): void {
    const from = this.#base + this.#rest.length;
    for (const bad of lines.bad) this.#bad.push({ from: from + bad.from, to: from + bad.to });
    this.#map.add(lines);
    const rest = this.#rest.length > 0 ? Buffer.concat([this.#rest, lines.text]) : lines.text;
    const skipped = Math.min(this.#toSkip, rest.length);
    this.#toSkip -= skipped;
    this.#base += skipped;
    this.#rest = rest.subarray(skipped);
    this.#reader.moveTo(this.#rest, skipped);
  }

  #readAll(final: boolean, visit: (walked: WalkedRecord) => void): void {
    let at = 0;
    this.#copying?.run.begin(this.#rest);
    for (;;) {
      at = this.#copyPlain(at);
      const record = this.#reader.read(this.#rest, at, final);
      if (!record) break;
      this.rows = record.row;
      visit(this.#walked(record));
      at = record.next;
    }
    this.#copying?.run.end();
    this.#base += at;
    this.#rest = this.#rest.subarray(at);
    this.#reader.moveTo(this.#rest, at);
    // A long record is read again only when there is twice as much of it.
    this.#enough = at === 0 ? 2 * this.#rest.length : 0;
    this.#bad = this.#bad.filter(({ to }) => to > this.#base);
  }

  #copyPlain(at: number): number {
    if (!this.#copying || this.#bad.length > 0 || this.#reader.inSecondTable) return at;
    const { run, copy } = this.#copying;
    const end = run.reach(at);
    if (end === at) return at;
    copy(this.#rest.subarray(at, end));
    this.#reader.passOver(run.rows);
    this.rows += run.rows;
    return end;
  }

  #walked(record: TextRecord): WalkedRecord {
    const from = this.#base + record.offset;
    const to = from + record.length;
    const isBad = this.#bad.some((line) => line.from < to && line.to > from);
    const fault = isBad ? ({ reason: 'invalid_utf8', column: null, found: 0 } as const) : record.reject;
    const source = () => ({ byteOffset: this.#map.offsetAt(from), raw: this.#map.bytes(from, to) });
    return { record, fault, source };
  }
}
