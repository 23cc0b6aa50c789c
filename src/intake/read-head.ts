import { isUtf8 } from 'node:buffer';
import { TaskError } from '../contract/errors.js';
import { MAX_COLUMNS } from '../contract/limits.js';
import { DELIMITERS, isOneOf, NEWLINES } from '../contract/marks.js';
import type { ShownDialect } from '../contract/receipt.js';
import type { Dialect, Reading } from '../contract/task.js';
import { assertText, type Packing, packingOf } from '../csv/file-type.js';
import { readHeader } from '../csv/header.js';
import { lastLine } from '../dialect/decode-lines.js';
import { type Detection, detect } from '../dialect/detect.js';
import type { StoreFile } from '../storage/store.js';
import type { FileOptions } from './file-options.js';
import { planColumns } from './plan-columns.js';
import { unpackHead } from './unpack-head.js';

/** What is looked at to find dialect and header: room for 1,600 columns with names of 200 bytes. */
export const HEAD_BYTES = 1 << 20;

export interface Head {
  /** The beginning of the file, unpacked. */
  bytes: Buffer;
  /** They are the whole file. */
  isWhole: boolean;
  packing: Packing | null;
  dialect: ShownDialect;
  /** The names of the fields, as they are in the file; made up where it has no header. */
  headers: string[];
  /** How the engine reads the file as it is, unpacked; null where its records must be read one by one. */
  plain: PlainText | null;
  reading: Reading;
  /** What must be asked before the file can be read, else null. */
  question: string | null;
}

/** A text that the engine reads as it is. */
export interface PlainText {
  dialect: Dialect;
  /** Where the data begins. */
  dataOffset: number;
}

/** Reads the first `HEAD_BYTES` of a stored file, or all of it. */
export async function headOf(file: StoreFile): Promise<{ bytes: Buffer; isWhole: boolean }> {
  const buffer = Buffer.allocUnsafe(Math.min(HEAD_BYTES, file.size));
  const bytes = buffer.subarray(0, await file.read(buffer, 0));
  return { bytes, isWhole: bytes.length === file.size };
}

/**
 * Reads what the beginning of a file says.
 * @param head the first `HEAD_BYTES` of the file, or all of it
 * @throws {TaskError}
 */
export function readHead(head: Buffer, isWhole: boolean, options: FileOptions = {}): Head {
  const packing = wantedPacking(head, options);
  const bytes = packing ? unpackHead(head, packing, HEAD_BYTES) : head;
  assertText(bytes);
  const whole = isWhole && (packing === null || bytes.length < HEAD_BYTES);
  if (!whole && bytes.indexOf(10) < 0 && bytes.indexOf(13) < 0) throw noLineEnd(bytes.length);
  const { malformed = 'quarantine' } = options;
  const found = detect(bytes, { whole, given: options.dialect, malformed });
  if (found.columns === 0 && found.question === null) throw noRecord();
  if (found.columns > MAX_COLUMNS) throw tooManyColumns(found.columns);
  const dialect = shown(found, packing);
  const { headers, dataOffset } = headerOf(bytes, found, whole);
  const reading = readingOf(found, headers, options);
  const plain = isPlain(found, headers, bytes, options) ? { dialect: plainDialect(found), dataOffset } : null;
  return { bytes, isWhole: whole, packing, dialect, headers, plain, reading, question: found.question };
}

/** Returns whether the encoding is found at once: to find a legacy one takes up to 0.3 s, and loads tables. */
export function isQuicklyRead(head: Buffer, isWhole: boolean): boolean {
  return packingOf(head) === null && isUtf8(isWhole ? head : head.subarray(0, lastLine(head, 'utf-8')));
}

function wantedPacking(head: Buffer, { dialect }: FileOptions): Packing | null {
  const found = packingOf(head);
  const given = dialect?.compression;
  if (given === undefined || given === found) return found;
  const detail = `The file is ${found ? `packed as ${found}` : 'not packed'}. Leave compression out of dialect.`;
  throw new TaskError('unsupported_dialect', detail);
}

function shown({ dialect }: Detection, packing: Packing | null): ShownDialect {
  const { source, warnings, ...keys } = dialect;
  return { ...keys, compression: packing, source: { ...source, compression: 'detected' }, warnings };
}

/** Returns the header as the engine reads it; where the engine cannot, as the detection reads it. */
function headerOf(bytes: Buffer, found: Detection, whole: boolean): { headers: string[]; dataOffset: number } {
  const { header_rows, skip_lines } = found.dialect;
  const isPlainHeader = hasPlainWording(found) && header_rows === 1 && skip_lines === 0 && !startsOddly(bytes, found);
  if (isPlainHeader) {
    const { names, end } = readHeader(bytes, plainDialect(found), whole);
    if (names.length === found.columns || found.question !== null) return { headers: names, dataOffset: end };
  }
  if (hasPlainWording(found)) assertColumns(bytes, found, whole);
  const { header, columns, dataStart } = found;
  const name = (i: number) => (header_rows > 0 ? (header[i] ?? '') : `column_${i + 1}`);
  return { headers: Array.from({ length: columns }, (_, i) => name(i)), dataOffset: dataStart };
}

/** Refuses a first line that is no header only because it has too many fields. @throws {TaskError} too_many_columns */
function assertColumns(bytes: Buffer, found: Detection, whole: boolean): void {
  try {
    readHeader(bytes, plainDialect(found), whole);
  } catch (error) {
    if (error instanceof TaskError && error.code === 'too_many_columns') throw error;
  }
}

/** Several byte order marks, or a line that names another delimiter than one of the engine's. */
function startsOddly(bytes: Buffer, { dialect }: Detection): boolean {
  const start = bytes.toString('utf8', 0, 32);
  const named = /^\ufeff*"?sep=/i.test(start);
  return (
    start.startsWith('\ufeff\ufeff') || (named && !start.replace(/^\ufeff/, '').startsWith(`sep=${dialect.delimiter}`))
  );
}

function readingOf(found: Detection, headers: string[], options: FileOptions): Reading {
  const { encoding, delimiter, quote, escape: escapedBy, newline, skip_space, header_rows } = found.dialect;
  const { columns, trailingDelimiter, looks, dataStart, header } = found;
  const nulls = options.null_values ?? [];
  const plan = planColumns(headers, options.columns);
  return {
    encoding,
    wording: { delimiter, quote, escape: escapedBy, newline, skip_space },
    columns,
    malformed: options.malformed ?? 'quarantine',
    ...(header_rows > 0 && { header }),
    trailingDelimiter,
    looks,
    dataStart,
    fields: plan.columns.map((one) => ({ field: one.field, nulls: [...nulls, ...one.nulls] })),
  };
}

/** Whether the engine reads the text as it is, and all of it becomes the table. */
function isPlain(found: Detection, headers: string[], bytes: Buffer, options: FileOptions): boolean {
  if (options.malformed === 'repair' || (options.null_values ?? []).length > 0) return false;
  if (!planColumns(headers, options.columns).isAsInFile) return false;
  return hasPlainWording(found) && !repeatsHeader(found, bytes);
}

function hasPlainWording({ dialect, trailingDelimiter }: Detection): boolean {
  const { encoding, delimiter, quote, escape: escapedBy, newline, skip_space } = dialect;
  const isRfc = quote === '"' && escapedBy === '"' && !skip_space && !trailingDelimiter;
  return encoding === 'utf-8' && isRfc && isOneOf(DELIMITERS, delimiter) && isOneOf(NEWLINES, newline);
}

/** A second table in the head; one after it is read as rows. */
function repeatsHeader({ dialect, dataStart, columns }: Detection, bytes: Buffer): boolean {
  if (dialect.header_rows !== 1 || columns < 2) return false;
  const above = bytes.subarray(0, dataStart).toString('latin1').trimEnd();
  const line = Buffer.from(above.slice(Math.max(above.lastIndexOf('\n'), above.lastIndexOf('\r')) + 1), 'latin1');
  if (line.length === 0) return false;
  // Line by line: a search for a long text takes time by the square of its length.
  for (let at = dataStart; at + line.length <= bytes.length; at++) {
    const isLine = isBreak(bytes[at - 1]) && isBreak(bytes[at + line.length]);
    if (isLine && line.equals(bytes.subarray(at, at + line.length))) return true;
  }
  return false;
}

function isBreak(byte: number | undefined): boolean {
  return byte === 10 || byte === 13 || byte === undefined;
}

function plainDialect({ dialect }: Detection): Dialect {
  const { bom, delimiter, newline } = dialect;
  return { encoding: 'utf-8', bom, delimiter, quote: '"', newline: newline as Dialect['newline'], header: true };
}

function noLineEnd(size: number): TaskError {
  const detail = `The header line does not end within the first ${size} bytes. Check that the file has line breaks.`;
  return new TaskError('record_too_large', detail, { byte_offset: 0 });
}

function noRecord(): TaskError {
  const detail = 'The file holds no header line and no data. Send one whose first line names the columns.';
  return new TaskError('empty_file', detail);
}

function tooManyColumns(columns: number): TaskError {
  const detail = `The file has ${columns} columns; a table takes at most ${MAX_COLUMNS}. Split the file by columns.`;
  return new TaskError('too_many_columns', detail);
}
