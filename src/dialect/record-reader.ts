import type { TaskError } from '../contract/errors.js';
import { MAX_RECORD_BYTES } from '../contract/limits.js';
import type { MalformedPolicy } from '../contract/task.js';
import { csvError } from '../csv/csv-error.js';
import type { ColumnLook } from './column-looks.js';
import { FieldList } from './field-list.js';
import { lineEnd, newlineAt, type TextGrammar, textGrammar, type Wording } from './grammar.js';
import { type Reading, RecordParser } from './read-record.js';
import { type RepairRule, readByOtherDelimiter, repairLine, repairWidth } from './repair.js';

/**
 * `quarantine` rejects a record that is not well formed, `repair` tries the rules of `RepairRule` first, `strict`
 * rejects it too, and the caller ends the task at the first reject.
 */
export type { MalformedPolicy };

export type RejectReason =
  | 'too_few_fields'
  | 'too_many_fields'
  | 'stray_quote'
  | 'unclosed_quote'
  | 'nul_byte'
  | 'second_table';

export interface ReaderOptions {
  wording: Wording;
  columns: number;
  malformed: MalformedPolicy;
  /** Number in the file of the first record. */
  firstRow: number;
  /** The header's cells: a record that repeats them begins a second table, whose rows are rejected. */
  header?: readonly string[];
  /** The reader begins inside the second table. */
  inSecondTable?: boolean;
  /** One more field than columns is dropped where it is empty: the lines of the file end in a delimiter. */
  trailingDelimiter?: boolean;
  /** What the values of the columns look like, for the repair of records that lack or exceed a field. */
  looks?: readonly ColumnLook[];
  /** Longest record, in bytes with its line end; 32 MiB by default. */
  maxRecordBytes?: number;
}

/** A record of the file. Its fields are those of the reader's list, good until the next read. */
export interface TextRecord {
  row: number;
  /** Index in the bytes, length without the line end, and index of the next record. */
  offset: number;
  length: number;
  next: number;
  /** How it was repaired; empty for a record that is as it should be. */
  repairs: readonly RepairRule[];
  /** Why it cannot become a row, else null. */
  reject: { reason: RejectReason; column: number | null; found: number } | null;
}

const AS_IT_IS: readonly RepairRule[] = [];

/**
 * Reads the records of a decoded file in order, in any dialect. An unclosed or malformed quote costs only its line: the
 * next line is read as a record of its own. A reader can be created at the offset of any record, given its row number.
 * The records do not depend on how the bytes are cut.
 */
export class RecordReader {
  readonly fields: FieldList;
  /** The last record read, or one before it, repeated the header. */
  inSecondTable: boolean;
  readonly #grammar: TextGrammar;
  readonly #parser: RecordParser;
  readonly #line: FieldList;
  readonly #options: ReaderOptions;
  readonly #looks: readonly ColumnLook[];
  readonly #maxRecordBytes: number;
  #row: number;
  /** The bytes needed before the next attempt to read the same record, so that each byte is read only a few times. */
  #enough = 0;

  constructor(options: ReaderOptions) {
    this.#options = options;
    this.#grammar = textGrammar(options.wording);
    this.fields = new FieldList(options.columns + 1);
    this.#parser = new RecordParser(this.#grammar, this.fields);
    this.#line = new FieldList(options.columns + 1);
    this.#maxRecordBytes = options.maxRecordBytes ?? MAX_RECORD_BYTES;
    this.#looks = options.looks ?? [];
    this.#row = options.firstRow;
    this.inSecondTable = options.inSecondTable ?? false;
  }

  /**
   * Reads the record at `start`, after any blank lines; undefined where the bytes do not decide, or hold no record.
   * Then the caller comes back with more bytes from the same place on.
   * @param final the file ends with the bytes
   * @throws {TaskError} record_too_large for a line longer than the longest record; its place is an index in `bytes`
   */
  read(bytes: Buffer, start: number, final: boolean): TextRecord | undefined {
    const at = this.afterBlankLines(bytes, start, final);
    const available = bytes.length - at;
    if (available <= 0 || (!final && available < Math.min(this.#enough, this.#maxRecordBytes + 64))) return undefined;
    const record = this.#readAt(bytes, at, final);
    this.#enough = record ? 0 : available * 2;
    if (record) this.#row++;
    return record;
  }

  /** Continues in another buffer, without the first `dropped` bytes of the text, so that no byte is searched twice. */
  moveTo(bytes: Buffer, dropped: number): void {
    this.#parser.moveTo(bytes, dropped);
  }

  /** Counts records that were read without this reader. */
  passOver(rows: number): void {
    this.#row += rows;
  }

  /** Returns the place of the next record: in a file of two or more columns a blank line is none. */
  afterBlankLines(bytes: Buffer, start: number, final: boolean): number {
    let at = start;
    if (this.#options.columns === 1) return at;
    for (;;) {
      const length = newlineAt(bytes, at, bytes.length, this.#grammar);
      if (length === 0 || (!final && at + length + 2 > bytes.length)) return at;
      at += length;
    }
  }

  #readAt(bytes: Buffer, at: number, final: boolean): TextRecord | undefined {
    const isCut = bytes.length - at > this.#maxRecordBytes;
    const end = isCut ? at + this.#maxRecordBytes : bytes.length;
    const reading = this.#parser.read(bytes, at, end, final && !isCut);
    if (reading.outcome === 'more' && !isCut) return undefined;
    if (reading.outcome === 'read') return this.#judge(bytes, at, reading);
    return this.#faultyLine(bytes, at, final, reading);
  }

  #judge(bytes: Buffer, at: number, { end, next }: Reading): TextRecord {
    const { fields } = this;
    const { columns, malformed, trailingDelimiter } = this.#options;
    if (fields.nul > 0) return this.#rejected(at, end, next, 'nul_byte', fields.nul);
    if (this.#isSecondTable()) return this.#rejected(at, end, next, 'second_table');
    if (trailingDelimiter && fields.count === columns + 1 && fields.isNull(columns)) fields.resize(columns);
    if (fields.count === columns) return this.#accepted(at, end, next);
    const found = fields.count;
    if (malformed === 'repair') {
      const repaired = fields.hasLines
        ? this.#repairedLine(bytes, at, bytes.length)
        : found * 2 < columns && this.#lineByOtherDelimiter(bytes, at, end, next);
      if (repaired) return repaired;
      const rule = repairWidth(fields, columns, this.#looks);
      if (rule) return this.#accepted(at, end, next, [rule]);
      return this.#rejected(at, end, next, found < columns ? 'too_few_fields' : 'too_many_fields');
    }
    return this.#rejected(at, end, next, fields.count < columns ? 'too_few_fields' : 'too_many_fields');
  }

  /** The record's quotes are wrong, or it is too long: its first line is repaired or rejected alone. */
  #faultyLine(bytes: Buffer, at: number, final: boolean, { outcome }: Reading): TextRecord | undefined {
    const end = lineEnd(bytes, at, bytes.length, this.#grammar);
    if (end - at > this.#maxRecordBytes) throw this.#tooLarge(at);
    if (end + 3 > bytes.length && !final) return undefined;
    const next = end + newlineAt(bytes, end, bytes.length, this.#grammar);
    if (this.#options.malformed === 'repair') {
      const repaired = this.#lineByOtherDelimiter(bytes, at, end, next) ?? this.#repairedLine(bytes, at, end);
      if (repaired) return repaired;
    }
    if (this.inSecondTable) return this.#rejected(at, end, next, 'second_table');
    const stray = this.fields.stray || null;
    return outcome === 'stray_quote'
      ? this.#rejected(at, end, next, 'stray_quote', stray)
      : this.#rejected(at, end, next, 'unclosed_quote', this.fields.count + 1);
  }

  /** Reads the line at `at` by the rules of repair. Copies its fields if their number is that of the columns. */
  #repairedLine(bytes: Buffer, at: number, limit: number): TextRecord | undefined {
    if (this.inSecondTable) return undefined;
    const { columns } = this.#options;
    const end = lineEnd(bytes, at, limit, this.#grammar);
    const line = this.#line;
    const rules = repairLine(bytes, at, end, this.#grammar, columns, line);
    if (!rules || line.nul > 0) return undefined;
    this.#take(line);
    return this.#accepted(at, end, end + newlineAt(bytes, end, bytes.length, this.#grammar), rules);
  }

  #lineByOtherDelimiter(bytes: Buffer, start: number, end: number, next: number): TextRecord | undefined {
    const line = { bytes, start, end, grammar: this.#grammar };
    if (!readByOtherDelimiter(line, this.#options.columns, this.#looks, this.#line)) return undefined;
    this.#take(this.#line);
    return this.#accepted(start, end, next, ['other_delimiter']);
  }

  #take(line: FieldList): void {
    this.fields.clear();
    for (let k = 0; k < line.count; k++) this.fields.add(line.bytes(k), line.isQuoted(k));
  }

  #tooLarge(at: number): TaskError {
    const detail = `The record is longer than ${this.#maxRecordBytes} bytes. Check it for a missing line break.`;
    return csvError('record_too_large', detail, { row: this.#row, byte_offset: at });
  }

  #isSecondTable(): boolean {
    const { header } = this.#options;
    if (!this.inSecondTable && header && repeats(this.fields, header)) this.inSecondTable = true;
    return this.inSecondTable;
  }

  #accepted(offset: number, end: number, next: number, repairs = AS_IT_IS): TextRecord {
    return { row: this.#row, offset, length: end - offset, next, repairs, reject: null };
  }

  #rejected(offset: number, end: number, next: number, reason: RejectReason, column: number | null = null): TextRecord {
    const reject = { reason, column, found: this.fields.count };
    return { row: this.#row, offset, length: end - offset, next, repairs: AS_IT_IS, reject };
  }
}

/** Whether the fields begin as the header does, with a quarter of the columns more or fewer. */
function repeats(fields: FieldList, header: readonly string[]): boolean {
  const width = header.length;
  if (width < 2 || Math.abs(fields.count - width) > Math.max(1, width / 4)) return false;
  const common = Math.min(fields.count, width, fields.keep);
  if (common < Math.max(2, width / 2)) return false;
  let isNamed = false;
  for (let k = 0; k < common; k++) {
    if (fields.text(k) !== header[k]) return false;
    isNamed ||= header[k] !== '';
  }
  // A row without a value repeats no name.
  return isNamed;
}
