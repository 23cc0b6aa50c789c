import { isUtf8 } from 'node:buffer';
import { CsvError } from './csv-error.js';
import type { Dialect } from './dialect.js';
import type { ColumnEvidence } from './evidence.js';
import { EvidenceCollector } from './evidence-collector.js';
import { assertColumns } from './kernel.js';
import { describeMalformed, faultOf, type Malformed } from './malformed.js';
import { PlainScanner } from './plain-scanner.js';
import { type Grammar, grammarOf, QUOTE, RecordView, readRecord } from './record.js';
import { firstInvalidUtf8 } from './utf8.js';

const MAX_RECORD_BYTES = 32 * 1024 * 1024;
const MALFORMED_KEPT = 1000;

export interface RecordScannerOptions {
  dialect: Dialect;
  /** 1 to 1,599. */
  columns: number;
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
 * Inspects the records of one segment of a file: where they end, how many fields they have, what types the columns can get.
 * The bytes after the last complete record are the caller's to keep and to feed again in front of the next ones; however
 * the file is cut into chunks, the results are the same. No chunk is retained.
 */
export class RecordScanner {
  /** Records so far, malformed ones included, blank lines not. */
  rows = 0;
  /** Lines without a byte, in files of two or more columns: no records. */
  blankLines = 0;
  /** The first 1,000. */
  malformed: Malformed[] = [];
  malformedCount = 0;
  /** A quote has been seen anywhere. */
  quoted = false;
  /** The last scan ended because of `stopAt`. */
  stopped = false;
  readonly #columns: number;
  readonly #maxRecordBytes: number;
  readonly #grammar: Grammar;
  readonly #view: RecordView;
  readonly #collector: EvidenceCollector;
  readonly #plain: PlainScanner;
  /** File offset of a quote that was open when the last chunk ended, and of the byte from which to search on. */
  #openQuote = -1;
  #searched = 0;

  constructor({ dialect, columns, maxRecordBytes = MAX_RECORD_BYTES }: RecordScannerOptions) {
    assertColumns(columns);
    this.#columns = columns;
    this.#maxRecordBytes = maxRecordBytes;
    this.#grammar = grammarOf(dialect);
    this.#view = new RecordView(columns);
    this.#collector = new EvidenceCollector(columns);
    this.#plain = new PlainScanner(this.#grammar, this.#collector, maxRecordBytes);
  }

  get evidence(): ColumnEvidence[] {
    return this.#collector.evidence(this.rows - this.malformedCount);
  }

  /**
   * Returns the bytes consumed: up to the end of the last complete record (or blank line).
   * @throws CsvError invalid_utf8, unclosed_quote, record_too_large; its row is relative to the segment
   */
  scan(bytes: Buffer, { baseOffset, final, stopAt = Number.POSITIVE_INFINITY }: ScanOptions): number {
    this.stopped = false;
    const consumed = this.#scanComplete(bytes, baseOffset, stopAt);
    if (!final || this.stopped || consumed === bytes.length) return consumed;
    const rowsBefore = this.rows;
    const tail = Buffer.concat([bytes.subarray(consumed), Buffer.of(this.#grammar.eol)]);
    const done = this.#scanComplete(tail, baseOffset + consumed, Number.POSITIVE_INFINITY);
    if (done < tail.length) throw this.#unclosedQuote(baseOffset + consumed + this.#view.openQuote);
    this.stopped = this.rows > rowsBefore && baseOffset + bytes.length >= stopAt;
    return bytes.length;
  }

  #scanComplete(bytes: Buffer, base: number, stopAt: number): number {
    const limit = bytes.lastIndexOf(this.#grammar.eol);
    const stop = stopAt - base;
    const rowsBefore = this.rows;
    this.#plain.begin(bytes, limit);
    let at = 0;
    let pending = this.#resume(base);
    while (at <= limit && !this.stopped) {
      if (!pending) at = this.#plainRecords(at, stop);
      pending = false;
      if (at > limit || this.stopped) break;
      if (!readRecord(bytes, at, limit, this.#grammar, this.#view)) break;
      this.#view.resumeQuote = -1;
      if (this.#view.next - at > this.#maxRecordBytes) break;
      this.#takeRecord(bytes, base);
      at = this.#view.next;
      if (at >= stop && this.#view.end > this.#view.start) this.stopped = true;
    }
    this.#plain.end();
    this.#finish(bytes, base, at, rowsBefore);
    if (!this.stopped) this.#suspend(bytes, base, at, limit);
    return at;
  }

  #plainRecords(at: number, stop: number): number {
    const plain = this.#plain;
    const end = plain.run(at, stop);
    this.rows += plain.rows;
    this.blankLines += plain.blankLines;
    this.stopped = plain.stopped;
    return end;
  }

  #takeRecord(bytes: Buffer, base: number): void {
    const view = this.#view;
    if (view.isBlank(this.#columns)) {
      this.blankLines++;
      return;
    }
    this.rows++;
    const fault = faultOf(view, this.#columns);
    if (fault === null) {
      if (this.#collector.add(bytes, view, this.rows)) this.#plain.learnTypes();
      return;
    }
    if (++this.malformedCount > MALFORMED_KEPT) return;
    this.malformed.push(describeMalformed(bytes, view, fault, this.rows, base));
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

  #finish(bytes: Buffer, base: number, end: number, rowsBefore: number): void {
    const done = bytes.subarray(0, end);
    if (!this.quoted) this.quoted = done.includes(QUOTE);
    if (isUtf8(done)) return;
    const bad = firstInvalidUtf8(done, 0, end);
    const row = rowsBefore + this.#recordsUntil(done, bad);
    const detail = `The byte 0x${done[bad].toString(16).padStart(2, '0')} is not valid UTF-8. Save the file as UTF-8 and upload it again.`;
    throw new CsvError('invalid_utf8', detail, { row, byteOffset: base + bad });
  }

  /** Which record, from 1, holds the byte. */
  #recordsUntil(bytes: Buffer, index: number): number {
    let records = 0;
    for (let at = 0; at <= index; at = this.#view.next) {
      readRecord(bytes, at, bytes.length - 1, this.#grammar, this.#view);
      if (!this.#view.isBlank(this.#columns)) records++;
    }
    return records;
  }

  #unclosedQuote(byteOffset: number): CsvError {
    const detail = 'A quote is opened here and never closed. Close it, or double it if it belongs to the value.';
    return new CsvError('unclosed_quote', detail, { row: this.rows + 1, byteOffset });
  }

  #tooLarge(bytes: Buffer, base: number, at: number): CsvError {
    const eol = this.#grammar.eol;
    // Judged at the limit itself, whatever follows it, so that the answer does not depend on the chunk.
    const probe = Buffer.concat([bytes.subarray(at, at + this.#maxRecordBytes), Buffer.of(eol)]);
    this.#view.resumeQuote = -1;
    if (!readRecord(probe, 0, probe.length - 1, this.#grammar, this.#view)) {
      const mebibytes = this.#maxRecordBytes >> 20;
      const detail = `A quote is opened here and not closed within ${mebibytes} MiB, which is the most that a record may have. Close it, or double it if it belongs to the value.`;
      return new CsvError('unclosed_quote', detail, {
        row: this.rows + 1,
        byteOffset: base + at + this.#view.openQuote,
      });
    }
    const detail = `The record is longer than ${this.#maxRecordBytes} bytes. Check it for a missing line break.`;
    return new CsvError('record_too_large', detail, { row: this.rows + 1, byteOffset: base + at });
  }
}
