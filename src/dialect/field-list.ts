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
  readonly #contents: Buffer[] = [];
  readonly #quoted: boolean[] = [];

  /** @param keep of more fields than this only the number is kept, and whether they are empty */
  constructor(readonly keep: number) {}

  /** Every field beyond `keep` is empty. */
  surplusEmpty = true;

  clear(): void {
    this.count = this.stray = this.nul = this.quotedCount = 0;
    this.hasLines = false;
    this.surplusEmpty = true;
    this.#contents.length = this.#quoted.length = 0;
  }

  add(content: Buffer, quoted: boolean): void {
    if (quoted) this.quotedCount++;
    if (this.count++ >= this.keep) {
      if (content.length > 0) this.surplusEmpty = false;
      return;
    }
    this.#contents.push(content);
    this.#quoted.push(quoted);
  }

  /** The content of field k, from 0, without its quotes and escapes. */
  bytes(k: number): Buffer {
    return this.#contents[k];
  }

  text(k: number): string {
    return this.#contents[k].toString('utf8');
  }

  isQuoted(k: number): boolean {
    return this.#quoted[k];
  }

  /** Whether field k is NULL: empty and not quoted. */
  isNull(k: number): boolean {
    return this.#contents[k].length === 0 && !this.#quoted[k];
  }

  texts(): string[] {
    return this.#contents.map((one) => one.toString('utf8'));
  }

  /** Takes out field k. */
  remove(k: number): void {
    this.#contents.splice(k, 1);
    this.#quoted.splice(k, 1);
    this.count--;
  }

  /** Adds NULLs, or drops the last fields, until there are so many. */
  resize(columns: number): void {
    while (this.#contents.length < columns) {
      this.#contents.push(EMPTY);
      this.#quoted.push(false);
    }
    this.#contents.length = this.#quoted.length = columns;
    this.count = columns;
  }
}

const EMPTY = Buffer.alloc(0);
