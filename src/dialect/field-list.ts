/** The fields of one record. One object is used over and over. */
export class FieldList {
  count = 0;
  /** From 1: the field with the first stray quote, with the first NUL byte; 0 = none. */
  stray = 0;
  nul = 0;
  /** A quoted field holds a line end. */
  hasLines = false;
  /** Fields whose quotes are closed. */
  quotedCount = 0;
  /** Where the content of each field is. */
  readonly #sources: Buffer[] = [];
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  readonly #quoted: boolean[] = [];

  /** @param keep of more fields than this only the number is kept, and whether they are empty */
  constructor(readonly keep: number) {}

  /** Every field beyond `keep` is empty. */
  surplusEmpty = true;

  clear(): void {
    this.count = this.stray = this.nul = this.quotedCount = 0;
    this.hasLines = false;
    this.surplusEmpty = true;
    this.#cutTo(0);
  }

  add(content: Buffer, quoted: boolean): void {
    this.addPlace(content, 0, content.length, quoted);
  }

  /** Adds a field whose content is a stretch of bytes. */
  addPlace(source: Buffer, start: number, end: number, quoted: boolean): void {
    if (quoted) this.quotedCount++;
    if (this.count++ >= this.keep) {
      if (end > start) this.surplusEmpty = false;
      return;
    }
    this.#push(source, start, end, quoted);
  }

  /** The content of field k, from 0, without its quotes and escapes. */
  bytes(k: number): Buffer {
    return this.#sources[k]!.subarray(this.#starts[k], this.#ends[k]);
  }

  length(k: number): number {
    return this.#ends[k]! - this.#starts[k]!;
  }

  /** Calls `use` with the place of the content of field k, without making a buffer of it. */
  at<T>(k: number, use: (source: Buffer, start: number, end: number) => T): T {
    return use(this.#sources[k]!, this.#starts[k]!, this.#ends[k]!);
  }

  text(k: number): string {
    return this.#sources[k]!.toString('utf8', this.#starts[k], this.#ends[k]);
  }

  isQuoted(k: number): boolean {
    return this.#quoted[k];
  }

  /** Whether field k is NULL: empty and not quoted. */
  isNull(k: number): boolean {
    return this.#ends[k] === this.#starts[k] && !this.#quoted[k];
  }

  texts(): string[] {
    return this.#sources.map((_, k) => this.text(k));
  }

  /** Takes out field k. */
  remove(k: number): void {
    for (const one of [this.#sources, this.#starts, this.#ends, this.#quoted] as unknown[][]) one.splice(k, 1);
    this.count--;
  }

  /** Adds NULLs, or drops the last fields, until there are `columns` fields. */
  resize(columns: number): void {
    while (this.#sources.length < columns) this.#push(EMPTY, 0, 0, false);
    this.#cutTo(columns);
    this.count = columns;
  }

  #push(source: Buffer, start: number, end: number, quoted: boolean): void {
    this.#sources.push(source);
    this.#starts.push(start);
    this.#ends.push(end);
    this.#quoted.push(quoted);
  }

  #cutTo(length: number): void {
    this.#sources.length = this.#starts.length = this.#ends.length = this.#quoted.length = length;
  }
}

const EMPTY = Buffer.alloc(0);
