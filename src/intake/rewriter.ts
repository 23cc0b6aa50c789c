import { isOneOf, NEWLINES } from '../contract/marks.js';
import type { Reading, Repairs } from '../contract/task.js';
import type { Dialect } from '../csv/dialect.js';
import type { CsvEngine } from '../csv/engine.js';
import type { PlainRun } from '../csv/plain-run.js';
import type { TextRecord } from '../dialect/record-reader.js';
import { type RecordForm, type WrittenField, writeRecord } from '../dialect/write-record.js';
import { type RecordFault, type RecordPlace, RecordWalker, type WalkedRecord } from './record-walker.js';
import type { SourceLines } from './source-lines.js';

/** A record that cannot become a row, as it is in the file. */
export interface UnreadRecord extends RecordFault, RecordPlace {
  raw: Buffer;
}

/** What a block of lines has become. */
export interface Rewritten {
  /** Records for the engine. */
  text: Buffer;
  unread: UnreadRecord[];
  /** The record after the block, where the block ends with one. */
  place: RecordPlace | null;
}

/** Returns how the records are written that a reading finds. */
export function formOf({ wording }: Reading): RecordForm {
  const { quote, delimiter, newline } = wording;
  const isKept = quote === '"' && /^[\t\x20-\x7e]$/.test(delimiter) && !/["\\]/.test(delimiter);
  return { delimiter: isKept ? delimiter : ',', newline: newline === '\r' ? '\r' : '\n' };
}

/** Returns how the engine reads what is written so. */
export function dialectOf({ delimiter, newline }: RecordForm): Dialect {
  return { encoding: 'utf-8', bom: false, delimiter, quote: '"', newline, header: true };
}

/** Returns the fields of a reading as they are written. */
export function writtenFields({ fields }: Reading): WrittenField[] {
  return fields.map(({ field, nulls }) => ({ field, nulls: nulls.map((text) => Buffer.from(text)) }));
}

const MAX_REPAIRS = 1000;

/**
 * Reads the records of a decoded file and writes each for the engine. A record that cannot become a row leaves one of
 * a wrong width in its place, so that every row keeps its number. Used once.
 */
export class Rewriter {
  readonly repairs: Repairs = { count: 0, rules: {}, rows: [] };
  readonly #walker: RecordWalker;
  readonly #fields: WrittenField[];
  readonly #form: RecordForm;
  readonly #placeholder: Buffer;
  #out: Buffer[] = [];
  #unread: UnreadRecord[] = [];

  constructor(reading: Reading, csv: CsvEngine) {
    this.#fields = writtenFields(reading);
    this.#form = formOf(reading);
    const run = plainRun(reading, this.#form, csv);
    const copying = run && { run, copy: (bytes: Buffer) => this.#out.push(bytes) };
    this.#walker = new RecordWalker(reading, undefined, copying);
    const { delimiter, newline } = this.#form;
    this.#placeholder = Buffer.from(`${this.#fields.length === 1 ? `x${delimiter}` : ''}x${newline}`);
  }

  get rows(): number {
    return this.#walker.rows;
  }

  /** Reads a block of lines; `null` says that the file has ended. */
  take(lines: SourceLines | null): Rewritten {
    this.#out = [];
    this.#unread = [];
    const place = this.#walker.take(lines, (walked) => this.#add(walked));
    const [first, ...more] = this.#out;
    const text = first && more.length === 0 ? first : Buffer.concat(this.#out);
    return { text, unread: this.#unread, place };
  }

  #add({ record, fault, source }: WalkedRecord): void {
    if (fault) {
      this.#unread.push({ row: record.row, ...source(), ...fault });
      this.#out.push(this.#placeholder);
      return;
    }
    this.#noteRepairs(record);
    this.#out.push(writeRecord(this.#walker.fields, this.#fields, this.#form));
  }

  #noteRepairs({ row, repairs }: TextRecord): void {
    if (repairs.length === 0) return;
    const { rules, rows } = this.repairs;
    this.repairs.count++;
    for (const rule of repairs) rules[rule] = (rules[rule] ?? 0) + 1;
    if (rows.length < MAX_REPAIRS) rows.push({ row, rules: [...repairs] });
  }
}

/** Records that are written as they are: where fields move or are dropped, there are none. */
function plainRun(reading: Reading, form: RecordForm, csv: CsvEngine): PlainRun | undefined {
  const { wording, columns, fields, header, trailingDelimiter } = reading;
  const isRfc = wording.quote === '"' && wording.escape === '"' && wording.delimiter === form.delimiter;
  const isInOrder = fields.length === columns && fields.every(({ field }, i) => field === i);
  const isPlain = isRfc && isInOrder && !wording.skip_space && !trailingDelimiter && isOneOf(NEWLINES, wording.newline);
  if (!isPlain) return undefined;
  // A record with a NULL is written otherwise, and one with a name of the header may begin a second table.
  const name = header?.find((cell) => cell !== '');
  const left = new Set([...(name === undefined ? [] : [name]), ...fields.flatMap(({ nulls }) => nulls)]);
  return csv.plainRun({ dialect: dialectOf(form), columns, left: [...left].map((text) => Buffer.from(text)) });
}
