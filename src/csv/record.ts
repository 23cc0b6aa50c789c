import type { Dialect } from './dialect.js';

const LF = 10;
const CR = 13;
const QUOTE = 34;

/** A dialect as bytes. */
export interface Grammar {
  delimiter: number;
  /** The byte that ends a record outside of quotes: LF, or CR in CR files. */
  eol: number;
  /** 1 for each byte that an unquoted field cannot simply run over: delimiter, quote, LF, CR, NUL. */
  special: Uint8Array;
}

export function grammarOf({ delimiter, newline }: Pick<Dialect, 'delimiter' | 'newline'>): Grammar {
  const special = new Uint8Array(256);
  for (const byte of [delimiter.charCodeAt(0), QUOTE, LF, CR, 0]) special[byte] = 1;
  return { delimiter: delimiter.charCodeAt(0), eol: newline === '\r' ? CR : LF, special };
}

/** How a field is written: bare, in quotes, or in quotes with escapes inside. */
type Form = 0 | 1 | 2;
const UNQUOTED = 0;
const QUOTED = 1;
const ESCAPED = 2;

/** One record as `readRecord` saw it. One object is used over and over; `keep` fields have their places noted. */
export class RecordView {
  /** First byte of the record, end of its content, first byte after its terminator. */
  start = 0;
  end = 0;
  next = 0;
  fields = 0;
  /** 1-based field with a stray quote, with a NUL; 0 = none. */
  stray = 0;
  nul = 0;
  /** Where the quote opened that was still open when the bytes ended, else -1; and how far it was searched. */
  openQuote = -1;
  searched = 0;
  /** To continue where an earlier look at the same record ended: the quote's place, where to continue, `nul` so far. */
  resumeQuote = -1;
  resumeAt = 0;
  resumeNul = 0;
  /** Where the content of each field lies, inside its quotes where it has any, and how it is written. */
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  readonly #forms: Form[] = [];

  constructor(readonly keep: number) {}

  reset(start: number): void {
    this.start = this.end = this.next = start;
    this.fields = this.stray = this.nul = 0;
    this.openQuote = -1;
  }

  /** A line without a byte, in a file of two or more columns: no record. */
  isBlank(columns: number): boolean {
    return columns > 1 && this.end === this.start;
  }

  addField(start: number, end: number, form: Form): void {
    const k = this.fields++;
    if (k >= this.keep) return;
    this.#starts[k] = start;
    this.#ends[k] = end;
    this.#forms[k] = form;
  }

  /** Whether field k is NULL: empty and not quoted. */
  isNull(k: number): boolean {
    return this.#starts[k] === this.#ends[k] && this.#forms[k] === UNQUOTED;
  }

  /** Whether field k is written in quotes. */
  isQuoted(k: number): boolean {
    return this.#forms[k] !== UNQUOTED;
  }

  /** Returns the content of field k. */
  field(bytes: Buffer, k: number): FieldContent {
    const start = this.#starts[k];
    const end = this.#ends[k];
    return this.#forms[k] === ESCAPED ? unescaped(bytes, start, end) : { bytes, start, end, isNull: this.isNull(k) };
  }
}

/** What a field says, as bytes[start] .. bytes[end - 1]: without its quotes and escapes. */
export interface FieldContent {
  bytes: Buffer;
  start: number;
  end: number;
  isNull: boolean;
}

function unescaped(bytes: Buffer, start: number, end: number): FieldContent {
  const content = Buffer.allocUnsafe(end - start);
  let to = 0;
  for (let i = start; i < end; i++) {
    content[to++] = bytes[i];
    if (bytes[i] === QUOTE) i++;
  }
  return { bytes: content, start: 0, end: to, isNull: false };
}

/**
 * Reads the record at `start` by RFC 4180 and says where everything in it lies. It is the one definition of a record:
 * a fast path leaves to it every record that is not plain.
 *
 * A quote opens a quoted field only as its first byte. Any other quote, or text after a closing quote, is stray: from
 * there the record continues, unquoted, to the end of its line.
 * @param limit index of the last eol byte in `bytes`: no record can end later
 * @returns false when the record does not end within the bytes
 */
export function readRecord(bytes: Buffer, start: number, limit: number, grammar: Grammar, view: RecordView): boolean {
  view.reset(start);
  const { delimiter } = grammar;
  let i = start;
  while (i <= limit) {
    i = bytes[i] === QUOTE ? quotedField(bytes, i, limit, grammar, view) : plainField(bytes, i, limit, grammar, view);
    if (i < 0) return false;
    if (view.stray > 0 || bytes[i] !== delimiter) {
      endRecord(bytes, i, grammar.eol, view);
      return true;
    }
    i++;
  }
  return false;
}

/** Returns the place of the delimiter or terminator after the field. */
function plainField(bytes: Buffer, start: number, limit: number, grammar: Grammar, view: RecordView): number {
  const { delimiter, eol, special } = grammar;
  for (let i = start; i <= limit; i++) {
    const byte = bytes[i];
    if (special[byte] === 0) continue;
    if (byte === delimiter || byte === eol || (byte === CR && bytes[i + 1] === LF)) {
      view.addField(start, i, UNQUOTED);
      return i;
    }
    if (byte === QUOTE) return strayRest(bytes, start, i, grammar, view);
    // A bare CR (in CR files a bare LF) is data.
    if (byte === 0) view.nul ||= view.fields + 1;
  }
  return -1;
}

function quotedField(bytes: Buffer, open: number, limit: number, grammar: Grammar, view: RecordView): number {
  let i = open + 1;
  let form: Form = QUOTED;
  if (open === view.resumeQuote) {
    i = view.resumeAt;
    view.nul ||= view.resumeNul;
    form = ESCAPED; // Perhaps.
  }
  for (; i < limit; i++) {
    const byte = bytes[i];
    if (byte === 0) view.nul ||= view.fields + 1;
    if (byte !== QUOTE) continue;
    const after = bytes[i + 1];
    if (after === QUOTE) {
      i++;
      form = ESCAPED;
    } else if (endsField(bytes, i + 1, after, grammar)) {
      view.addField(open + 1, i, form);
      return i + 1;
    } else return strayRest(bytes, open, i + 1, grammar, view);
  }
  view.openQuote = open;
  view.searched = i;
  return -1;
}

function endsField(bytes: Buffer, at: number, byte: number, { delimiter, eol }: Grammar): boolean {
  return byte === delimiter || byte === eol || (byte === CR && eol === LF && bytes[at + 1] === LF);
}

/** Counts the fields of the rest of the line as if no quote were in it; returns the terminator's place. */
function strayRest(bytes: Buffer, field: number, from: number, grammar: Grammar, view: RecordView): number {
  const { delimiter, eol } = grammar;
  view.stray = view.fields + 1;
  let start = field;
  let i = from;
  for (; bytes[i] !== eol; i++) {
    if (bytes[i] === 0) view.nul ||= view.fields + 1;
    else if (bytes[i] === delimiter) {
      view.addField(start, i, UNQUOTED);
      start = i + 1;
    }
  }
  if (eol === LF && i > from && bytes[i - 1] === CR) i--;
  view.addField(start, i, UNQUOTED);
  return i;
}

function endRecord(bytes: Buffer, at: number, eol: number, view: RecordView): void {
  view.end = at;
  view.next = bytes[at] === eol ? at + 1 : at + 2;
}
