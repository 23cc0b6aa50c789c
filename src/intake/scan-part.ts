import { createHash } from 'node:crypto';
import { TaskError } from '../contract/errors.js';
import { toFault } from '../contract/fault.js';
import { GROWTH, MAX_RECORD_BYTES } from '../contract/limits.js';
import type { TaskFault } from '../contract/task.js';
import type { Dialect } from '../csv/dialect.js';
import type { CsvEngine } from '../csv/engine.js';
import type { ColumnEvidence } from '../csv/evidence.js';
import type { Malformed } from '../csv/malformed.js';
import type { RecordScanner } from '../csv/scan.js';
import type { FormHints } from '../csv/value-form.js';
import type { StoreFile } from '../storage/store.js';

/** What to scan: the records from `from` on, where one begins, up to the first record end at or after `stopAt`. */
export interface ScanJob {
  /** Key of the source in the file store, and its size. */
  key: string;
  size: number;
  dialect: Dialect;
  /** What the caller says of the values. */
  hints?: FormHints;
  columns: number;
  from: number;
  /** Number in the file of the record at `from`. */
  firstRow: number;
  stopAt: number;
}

/** A record-aligned part of a file. */
export interface ScannedPart {
  byteFrom: number;
  byteTo: number;
  /** Number in the file of its first record. */
  firstRow: number;
  rows: number;
  sha256: string;
  evidence: ColumnEvidence[];
  /** The first thousand; the load finds the rest again. */
  malformed: Malformed[];
  malformedCount: number;
}

/** A part, or why it cannot be read as CSV. */
export type Scanned = ScannedPart | TaskFault;

/** Scans parts, away from the caller's thread. */
export interface Scanner {
  scan(job: ScanJob): Promise<Scanned>;
  close(): Promise<void>;
}

const READ_BYTES = 1 << 20;

/** Scans one part through one buffer, which grows only for a record that is longer. */
export async function scanPart(file: StoreFile, job: ScanJob, csv: CsvEngine): Promise<Scanned> {
  const { from, size } = job;
  const scan = new PartScan(job, csv);
  let buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, size - from));
  try {
    while (!scan.stopped && scan.position < size) {
      const length = await file.read(buffer, scan.position);
      if (length === 0) throw sourceTruncated();
      const final = scan.position + length >= size;
      const consumed = scan.take(buffer.subarray(0, length), final);
      // Not one whole record fits: the scanner itself says when a record is too large.
      if (consumed === 0 && !final && !scan.stopped) buffer = longerBuffer(buffer);
    }
    return scan.part();
  } catch (error) {
    if (error instanceof TaskError) return toFault(error);
    throw error;
  }
}

function longerBuffer({ length }: Buffer) {
  return Buffer.allocUnsafe(Math.min(length * GROWTH, MAX_RECORD_BYTES + READ_BYTES));
}

/** The scan of one part, piece by piece. */
export class PartScan {
  /** File offset of the part's first byte. */
  readonly byteFrom: number;
  readonly #firstRow: number;
  /** File offset of the first byte not scanned yet. */
  position: number;
  readonly #stopAt: number;
  readonly #scanner: RecordScanner;
  readonly #hash = createHash('sha256');

  constructor({ dialect, hints, columns, from, firstRow, stopAt }: Omit<ScanJob, 'key' | 'size'>, csv: CsvEngine) {
    this.#scanner = csv.scanner({ dialect, hints, columns, firstRow });
    this.#firstRow = firstRow;
    this.#stopAt = stopAt;
    this.byteFrom = from;
    this.position = from;
  }

  /** The part is complete. */
  get stopped(): boolean {
    return this.#scanner.stopped;
  }

  /** Number in the file of the record that follows. */
  get nextRow(): number {
    return this.#firstRow + this.#scanner.rows;
  }

  get malformedCount(): number {
    return this.#scanner.malformedCount;
  }

  /**
   * Scans the whole records of `bytes`, which begin at `position`; the caller passes the rest again with what follows.
   * @param final the bytes reach to the end of the file
   * @returns the number of bytes scanned
   * @throws {TaskError}
   */
  take(bytes: Buffer, final: boolean): number {
    const consumed = this.#scanner.scan(bytes, { baseOffset: this.position, final, stopAt: this.#stopAt });
    this.#hash.update(bytes.subarray(0, consumed));
    this.position += consumed;
    return consumed;
  }

  /** Returns what was scanned, as a part. Called once. */
  part(): ScannedPart {
    const { rows, evidence, malformed, malformedCount } = this.#scanner;
    const sha256 = this.#hash.digest('hex');
    const { byteFrom, position: byteTo } = this;
    return { byteFrom, byteTo, firstRow: this.#firstRow, rows, sha256, evidence, malformed, malformedCount };
  }
}

export function sourceTruncated(): TaskError {
  return new TaskError('source_changed', 'The source file became shorter while it was read. Start a new upload.');
}
