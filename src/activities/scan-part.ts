import { createHash } from 'node:crypto';
import { CsvError } from '../csv/csv-error.js';
import type { Dialect } from '../csv/dialect.js';
import type { ColumnEvidence } from '../csv/evidence.js';
import type { Malformed } from '../csv/malformed.js';
import { RecordScanner } from '../csv/scan.js';
import type { StoreFile } from '../storage/store.js';
import { sourceTruncated } from './source.js';

/** What to scan: the records from `from` on, up to the first record end at or behind `stopAt`. */
export interface ScanJob {
  /** Key of the source in the file store, and its size. */
  key: string;
  size: number;
  dialect: Dialect;
  columns: number;
  from: number;
  stopAt: number;
  /**
   * `from` may lie inside a record: begin behind the next line end at or behind the byte before it. That is a guess, right
   * unless the line end stands in a quoted value; the part says where it began.
   */
  guess: boolean;
}

/** A record-aligned part of a file. Rows count from the part's beginning. */
export interface ScannedPart {
  byteFrom: number;
  byteTo: number;
  rows: number;
  sha256: string;
  evidence: ColumnEvidence[];
  /** The first thousand; the rest is met again when the part is loaded. */
  malformed: Malformed[];
  malformedCount: number;
}

/** A part, or why it cannot be read as CSV. */
export type Scanned = ScannedPart | CsvError;

/** Scans parts, as many at once as it has threads. */
export interface Scanner {
  readonly threads: number;
  scan(job: ScanJob): Promise<Scanned>;
  close(): Promise<void>;
}

const READ_BYTES = 1 << 20;

/** Scans one part through one buffer, which grows only for a record that is longer. */
export async function scanPart(file: StoreFile, job: ScanJob): Promise<Scanned> {
  try {
    const byteFrom = job.guess ? await guessStart(file, job) : job.from;
    return await scanFrom(file, job, byteFrom);
  } catch (error) {
    if (error instanceof CsvError) return error;
    throw error;
  }
}

async function guessStart(file: StoreFile, { from, size, dialect }: ScanJob): Promise<number> {
  const eol = dialect.newline === '\r' ? 0x0d : 0x0a;
  const buffer = Buffer.allocUnsafe(64 << 10);
  for (let position = from - 1; position < size; position += buffer.length) {
    const length = await file.read(buffer, position);
    const at = buffer.subarray(0, length).indexOf(eol);
    if (at >= 0) return position + at + 1;
  }
  return size;
}

async function scanFrom(
  file: StoreFile,
  { dialect, columns, size, stopAt }: ScanJob,
  byteFrom: number,
): Promise<ScannedPart> {
  const scanner = new RecordScanner({ dialect, columns });
  const hash = createHash('sha256');
  let buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, size - byteFrom));
  let position = byteFrom;
  while (!scanner.stopped && position < size) {
    const length = await file.read(buffer, position);
    if (length === 0) throw sourceTruncated();
    const bytes = buffer.subarray(0, length);
    const final = position + length >= size;
    const consumed = scanner.scan(bytes, { baseOffset: position, final, stopAt });
    hash.update(bytes.subarray(0, consumed));
    position += consumed;
    // Not one whole record fits: the scanner itself says when a record is too large.
    if (consumed === 0 && !final && !scanner.stopped) buffer = Buffer.allocUnsafe(buffer.length * 2);
  }
  const { rows, evidence, malformed, malformedCount } = scanner;
  return { byteFrom, byteTo: position, rows, sha256: hash.digest('hex'), evidence, malformed, malformedCount };
}
