const QUOTE = 34;
const LF = 10;
const CR = 13;

export interface PlainFormat {
  /** One ASCII character. */
  delimiter: string;
  /** What ends a record: CR, or LF with the CR before it. */
  newline: '\n' | '\r';
  columns: number;
  /** Its first name; a record that begins with it may repeat the header. */
  firstName?: string;
}

/** Finds how far records of RFC 4180 reach that are well formed, so that they can be copied as they are. */
export class PlainRun {
  /** Records of the last run. */
  rows = 0;
  readonly #columns: number;
  readonly #delimiter: number;
  readonly #eol: number;
  readonly #special = new Uint8Array(256);
  readonly #names: Buffer[];

  constructor({ delimiter, newline, columns, firstName }: PlainFormat) {
    this.#columns = columns;
    this.#delimiter = delimiter.charCodeAt(0);
    this.#eol = newline.charCodeAt(0);
    for (const byte of [this.#delimiter, QUOTE, LF, CR, 0]) this.#special[byte] = 1;
    this.#names =
      firstName === undefined
        ? []
        : [Buffer.from(firstName), Buffer.from(`"${firstName.replaceAll('"', '""')}"`)].filter((one) => one.length > 0);
  }

  /** Returns the place after the last record, from `at` on, before one that is not plain or not whole. */
  end(bytes: Buffer, at: number): number {
    this.rows = 0;
    let start = at;
    for (;;) {
      const next = this.#recordEnd(bytes, start);
      if (next < 0) return start;
      start = next;
    }
  }

  /** Returns the place after the record and its line end, -1 where it is not plain. */
  #recordEnd(bytes: Buffer, start: number): number {
    if (this.#names.some((name) => startsWith(bytes, start, name))) return -1;
    let fields = 1;
    for (let i = start; i < bytes.length; i++) {
      const byte = bytes[i]!;
      if (this.#special[byte] === 0) continue;
      if (byte === this.#delimiter) fields++;
      else if (byte === this.#eol || this.#isLineEnd(bytes, i)) return this.#ended(start, i, byte, fields);
      else if (byte === QUOTE && (i === start || bytes[i - 1] === this.#delimiter)) {
        i = this.#quotedEnd(bytes, i);
        if (i < 0) return -1;
      } else return -1;
    }
    return -1;
  }

  #ended(start: number, at: number, byte: number, fields: number): number {
    const next = byte === this.#eol ? at + 1 : at + 2;
    if (at === start && this.#columns > 1) return next;
    if (fields !== this.#columns) return -1;
    this.rows++;
    return next;
  }

  #isLineEnd(bytes: Buffer, at: number): boolean {
    return this.#eol === LF && bytes[at] === CR && bytes[at + 1] === LF;
  }

  /** Returns the place of the quote that closes the field, -1 where it does not close before a delimiter or an end. */
  #quotedEnd(bytes: Buffer, open: number): number {
    for (let i = open + 1; i + 1 < bytes.length; i++) {
      const byte = bytes[i];
      if (byte === 0) return -1;
      if (byte !== QUOTE) continue;
      const after = bytes[i + 1];
      if (after === QUOTE) i++;
      else if (after === this.#delimiter || after === this.#eol || this.#isLineEnd(bytes, i + 1)) return i;
      else return -1;
    }
    return -1;
  }
}

function startsWith(bytes: Buffer, at: number, name: Buffer): boolean {
  for (let k = 0; k < name.length; k++) if (bytes[at + k] !== name[k]) return false;
  return true;
}
