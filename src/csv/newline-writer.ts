/** How the lines of a CSV text end. */
export interface LineEnds {
  newline: string;
  quote: string;
  /** The character that escapes a quote inside quotes. */
  escape: string;
  /** Whether a newline precedes each record instead of following it: then none ends the file. */
  isLeading: boolean;
  /** Whether the first record begins the file: then no newline precedes it. */
  isFirst: boolean;
}

const LF = 10;

/** Replaces the line ends of a CSV text, which are LF, by others. Line breaks inside of quotes stay as they are. */
export class NewlineWriter {
  readonly #newline: Buffer;
  readonly #quote: number;
  readonly #escape: number;
  readonly #isLeading: boolean;
  #isQuoted = false;
  /** The byte before was an escape inside of quotes. */
  #isEscaped = false;
  #isAtStart = true;
  #isFirst: boolean;

  constructor({ newline, quote, escape: escapedBy, isLeading, isFirst }: LineEnds) {
    this.#newline = Buffer.from(newline);
    this.#quote = quote.charCodeAt(0);
    // Doubled quotes close and open again, which comes to the same.
    this.#escape = escapedBy === quote ? -1 : escapedBy.charCodeAt(0);
    this.#isLeading = isLeading;
    this.#isFirst = isFirst;
  }

  /** Returns the next bytes of the text. A chunk may end anywhere. */
  write(chunk: Buffer): Buffer {
    const out = Buffer.allocUnsafe(chunk.length + (countOf(chunk, LF) + 1) * this.#newline.length);
    let to = 0;
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]!;
      const ends = byte === LF && !this.#isQuoted;
      if (this.#isLeading && this.#isAtStart) {
        if (!this.#isFirst) to += this.#newline.copy(out, to);
        this.#isFirst = false;
        this.#isAtStart = false;
      }
      if (!ends) out[to++] = byte;
      else if (!this.#isLeading) to += this.#newline.copy(out, to);
      if (ends) this.#isAtStart = true;
      else this.#follow(byte);
    }
    return out.subarray(0, to);
  }

  #follow(byte: number): void {
    if (this.#isEscaped) this.#isEscaped = false;
    else if (this.#isQuoted && byte === this.#escape) this.#isEscaped = true;
    else if (byte === this.#quote) this.#isQuoted = !this.#isQuoted;
  }
}

function countOf(bytes: Buffer, wanted: number): number {
  let count = 0;
  for (let at = bytes.indexOf(wanted); at >= 0; at = bytes.indexOf(wanted, at + 1)) count++;
  return count;
}
