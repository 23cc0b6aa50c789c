import { isUtf8 } from 'node:buffer';
import type { TaskError } from '../contract/errors.js';
import { MAX_COLUMNS, MAX_RECORD_BYTES } from '../contract/limits.js';
import { csvError } from './csv-error.js';
import type { ColumnEvidence } from './evidence.js';
import { EvidenceCollector } from './evidence-collector.js';
import type { FastPath, FastScanner } from './fast-path.js';
import { faultOf, type Malformed, malformedRecord } from './malformed.js';
import { type Grammar, grammarOf, RecordView, readRecord } from './record.js';
import type { RecordFormat } from './record-encoder.js';
import { firstInvalidUtf8 } from './utf8.js';
import type { FormHints } from './value-form.js';

const MALFORMED_KEPT = 1000;

export interface ScannerOptions extends RecordFormat {
  /** Number in the file of the segment's first record. */
  firstRow: number;
  /** What the caller says about the values of all columns. */
  hints?: FormHints;
  /** Longest record allowed, in bytes with its terminator. Default 32 MiB. */
  maxRecordBytes?: number;
}

export interface ScanOptions {
  /** File offset of bytes[0], which begins a record. */
  baseOffset: number;
  /** The bytes reach to the end of the file: the last record may lack its terminator. */
  final: boolean;
  /** File offset: stop at the first record end that reaches it. */
  stopAt?: number;
}

/**
 * Inspects the records of one segment of a file: where they end, how many fields they have, what types the columns
 * can get. The bytes after the last complete record are the caller's to keep and to feed again in front of the next
 * ones; however the file is cut into chunks, the results are the same. No chunk is retained.
 */
export class RecordScanner {
  /** The first 1,000. */
  malformed: Malformed[] = [];
  malformedCount = 0;
  /** The last scan ended because of `stopAt`. */
  stopped = false;
  readonly #columns: number;
  readonly #maxRecordBytes: number;
  readonly #grammar: Grammar;
  readonly #view: RecordView;
  readonly #collector: EvidenceCollector;
  readonly #fast: FastScanner | undefined;
  readonly #firstRow: number;
  /** Number of the next record. */
  #row: number;
  /** File offset of a quote that was open when the last chunk ended, and of the byte from which to search on. */
  #openQuote = -1;
  #searched = 0;

  constructor(options: ScannerOptions, fastPath?: FastPath) {
    const { dialect, columns, firstRow, hints, maxRecordBytes = MAX_RECORD_BYTES } = options;
    if (columns < 1 || columns > MAX_COLUMNS)
      throw new RangeError(`a file has 1 to ${MAX_COLUMNS} columns, not ${columns}`);
    this.#columns = columns;
    this.#maxRecordBytes = maxRecordBytes;
    this.#grammar = grammarOf(dialect);
    this.#view = new RecordView(columns);
    this.#collector = new EvidenceCollector(columns, hints);
    this.#fast = fastPath?.scanner(this.#grammar, this.#collector, maxRecordBytes);
    this.#firstRow = firstRow;
    this.#row = firstRow;
  }

  /** Records so far, malformed ones included. Blank lines are none, where the file has two or more columns. */
  get rows(): number {
    return this.#row - this.#firstRow;
  }

  get evidence(): ColumnEvidence[] {
    return this.#collector.evidence(this.rows - this.malformedCount);
  }

  /**
   * Returns the bytes consumed: up to the end of the last complete record (or blank line).
   * @throws {TaskError} invalid_utf8, unclosed_quote, record_too_large
   */
  scan(bytes: Buffer, { baseOffset, final, stopAt = Number.POSITIVE_INFINITY }: ScanOptions): number {
    this.stopped = false;
    const consumed = this.#scanComplete(bytes, baseOffset, stopAt);
    if (!final || this.stopped || consumed === bytes.length) return consumed;
    const rowBefore = this.#row;
    const tail = Buffer.concat([bytes.subarray(consumed), Buffer.of(this.#grammar.eol)]);
    const done = this.#scanComplete(tail, baseOffset + consumed, Number.POSITIVE_INFINITY);
    if (done < tail.length) throw this.#unclosedQuote(baseOffset + consumed + this.#view.openQuote);
    this.stopped = this.#row > rowBefore && baseOffset + bytes.length >= stopAt;
    return bytes.length;
  }

  #scanComplete(bytes: Buffer, base: number, stopAt: number): number {
    const limit = bytes.lastIndexOf(this.#grammar.eol);
    const stop = stopAt - base;
    const firstRow = this.#row;
    this.#fast?.begin(bytes, limit);
    let at = 0;
    let pending = this.#resume(base);
    while (at <= limit && !this.stopped) {
      if (!pending) at = this.#plainRecords(at, stop);
      pending = false;
      if (at > limit || this.stopped) break;
      if (!readRecord(bytes, at, limit, this.#grammar, this.#view)) break;
      this.#view.resumeQuote = -1;
      if (this.#view.next - at > this.#maxRecordBytes) break;
      this.#addRecord(bytes, base);
      at = this.#view.next;
      if (at >= stop && !this.#view.isBlank(this.#columns)) this.stopped = true;
    }
    this.#fast?.end();
    this.#checkUtf8(bytes, base, at, firstRow);
    if (!this.stopped) this.#suspend(bytes, base, at, limit);
    return at;
  }

  #plainRecords(at: number, stop: number): number {
    if (!this.#fast) return at;
    const { end, rows, stopped } = this.#fast.run(at, stop);
    this.#row += rows;
    this.stopped = stopped;
    return end;
  }

  #addRecord(bytes: Buffer, base: number): void {
    const view = this.#view;
    if (view.isBlank(this.#columns)) return;
    const row = this.#row++;
    const fault = faultOf(view, this.#columns);
    if (fault === null) {
      if (this.#collector.add(bytes, view, row)) this.#fast?.learnTypes();
      return;
    }
    if (++this.malformedCount > MALFORMED_KEPT) return;
    this.malformed.push(malformedRecord(bytes, view, fault, row, base));
  }

  /** A field of many megabytes comes in many chunks: its open quote is remembered so that no byte is searched twice. */
  #resume(base: number): boolean {
    const view = this.#view;
    const pending = this.#openQuote >= base;
    view.resumeQuote = pending ? this.#openQuote - base : -1;
    view.resumeAt = this.#searched - base;
    return pending;
  }

  #suspend(bytes: Buffer, base: number, at: number, limit: number): void {
    const view = this.#view;
    if (bytes.length - at > this.#maxRecordBytes) throw this.#tooLarge(bytes, base, at);
    const open = at <= limit && view.openQuote >= 0 && view.start === at;
    this.#openQuote = open ? base + view.openQuote : -1;
    this.#searched = base + view.searched;
    view.resumeNul = open ? view.nul : 0;
  }

  #checkUtf8(bytes: Buffer, base: number, end: number, firstRow: number): void {
    const done = bytes.subarray(0, end);
    if (isUtf8(done)) return;
    const bad = firstInvalidUtf8(done, 0, end);
    const detail = `The byte 0x${done[bad].toString(16).padStart(2, '0')} is not valid UTF-8. Save the file as UTF-8 and upload it again.`;
    throw csvError('invalid_utf8', detail, { row: this.#rowAt(done, bad, firstRow), byte_offset: base + bad });
  }

  /** Returns the number of the record that holds the byte. */
  #rowAt(bytes: Buffer, index: number, firstRow: number): number {
    let row = firstRow - 1;
    for (let at = 0; at <= index; at = this.#view.next) {
      readRecord(bytes, at, bytes.length - 1, this.#grammar, this.#view);
      if (!this.#view.isBlank(this.#columns)) row++;
    }
    return row;
  }

  #unclosedQuote(byteOffset: number): TaskError {
    const detail = 'A quote is opened here and never closed. Close it, or double it if it belongs to the value.';
    return csvError('unclosed_quote', detail, { row: this.#row, byte_offset: byteOffset });
  }

  #tooLarge(bytes: Buffer, base: number, at: number): TaskError {
    const eol = this.#grammar.eol;
    // Judged at the limit itself, so that the answer does not depend on the chunk.
    const probe = Buffer.concat([bytes.subarray(at, at + this.#maxRecordBytes), Buffer.of(eol)]);
    this.#view.resumeQuote = -1;
    if (!readRecord(probe, 0, probe.length - 1, this.#grammar, this.#view)) {
      const mebibytes = this.#maxRecordBytes >> 20;
      const detail = `A quote is opened here and not closed within ${mebibytes} MiB, which is the most that a record may have. Close it, or double it if it belongs to the value.`;
      const place = { row: this.#row, byte_offset: base + at + this.#view.openQuote };
      return csvError('unclosed_quote', detail, place);
    }
    const detail = `The record is longer than ${this.#maxRecordBytes} bytes. Check it for a missing line break.`;
    return csvError('record_too_large', detail, { row: this.#row, byte_offset: base + at });
  }
}
