import { isUtf8, transcode } from 'node:buffer';
import { TextDecoder } from 'node:util';
import { decodeLoosely } from './decoder.js';

/** Whole lines of a file as UTF-8. */
export interface DecodedLines {
  text: Buffer;
  /** Lines whose bytes are not of the encoding, as places in the text: U+FFFD stands for the bytes. */
  bad: { from: number; to: number }[];
}

/** Decodes whole lines of a file, each by itself where one holds bytes that are not of the encoding. */
export type DecodeLines = (lines: Buffer) => DecodedLines;

/** Makes the decoder of an encoding, a name in lower case of the Encoding Standard. */
export function linesDecoder(encoding: string): DecodeLines {
  const decode = strictDecoder(encoding);
  return (lines) => {
    const text = decode(lines);
    return text ? { text, bad: [] } : lineByLine(lines, encoding, decode);
  };
}

/** Returns the text as UTF-8, null where bytes are not of the encoding. */
type Decode = (bytes: Buffer) => Buffer | null;

function strictDecoder(encoding: string): Decode {
  if (encoding === 'utf-8') return (bytes) => (isUtf8(bytes) ? bytes : null);
  if (encoding === 'utf-16le') return fromUtf16;
  if (encoding === 'utf-16be')
    return (bytes) => (bytes.length % 2 === 0 ? fromUtf16(Buffer.from(bytes).swap16()) : null);
  const table = singleByteTable(encoding);
  if (table) return (bytes) => byTable(bytes, table);
  const decoder = new TextDecoder(encoding, { fatal: true, ignoreBOM: true });
  return (bytes) => {
    try {
      return Buffer.from(decoder.decode(bytes));
    } catch {
      return null;
    }
  };
}

function lineByLine(lines: Buffer, encoding: string, decode: Decode): DecodedLines {
  const texts: Buffer[] = [];
  const bad: DecodedLines['bad'] = [];
  let length = 0;
  for (let at = 0; at < lines.length; ) {
    const next = nextLine(lines, at, encoding);
    const line = lines.subarray(at, next);
    const text = decode(line);
    texts.push(text ?? Buffer.from(new TextDecoder(encoding, { ignoreBOM: true }).decode(line)));
    length += texts.at(-1)!.length;
    if (!text) bad.push({ from: length - texts.at(-1)!.length, to: length });
    at = next;
  }
  return { text: Buffer.concat(texts), bad };
}

/** Returns the place after the next LF or CR; `lines.length` where there is none. */
export function nextLine(lines: Buffer, at: number, encoding: string): number {
  const width = widthOf(encoding);
  for (let i = at; i + width <= lines.length; i += width) {
    const unit = unitAt(lines, i, encoding);
    if (unit === 10 || unit === 13) return i + width;
  }
  return lines.length;
}

/** Returns the place after the last LF or CR; 0 where there is none. */
export function lastLine(bytes: Buffer, encoding: string): number {
  const width = widthOf(encoding);
  for (let i = bytes.length - (bytes.length % width) - width; i >= 0; i -= width) {
    const unit = unitAt(bytes, i, encoding);
    if (unit === 10 || unit === 13) return i + width;
  }
  return 0;
}

/** Bytes of a line end. In all encodings but UTF-16 the bytes of LF and CR are part of no other character. */
export function widthOf(encoding: string): 1 | 2 {
  return encoding.startsWith('utf-16') ? 2 : 1;
}

function unitAt(bytes: Buffer, at: number, encoding: string): number {
  if (encoding === 'utf-16le') return bytes[at]! | (bytes[at + 1]! << 8);
  return encoding === 'utf-16be' ? (bytes[at]! << 8) | bytes[at + 1]! : bytes[at]!;
}

/** Decodes UTF-16, five times as fast as decoding to a string and encoding that again. */
function fromUtf16(bytes: Buffer): Buffer | null {
  if (bytes.length % 2 !== 0) return null;
  try {
    return transcode(bytes, 'utf16le', 'utf8') as Buffer;
  } catch {
    return null; // A surrogate without its other half.
  }
}

/** The bytes in UTF-8 of each byte of an encoding, in one number: the first lowest; 0 for a byte that has none. */
type Table = Uint32Array;

/** Returns the table of an encoding of one byte per character; undefined for any other. */
function singleByteTable(encoding: string): Table | undefined {
  if (!/^(?:windows-\d+|iso-8859-.*|koi8-.|ibm866|macintosh|x-mac-cyrillic)$/.test(encoding)) return undefined;
  const table = new Uint32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    const text = decodeLoosely(Buffer.of(byte), encoding);
    if (text !== '\ufffd') for (const [k, one] of Buffer.from(text).entries()) table[byte]! |= one << (8 * k);
  }
  return table;
}

/** Used over and over, so that what is returned takes no more memory than it holds. */
let scratch = Buffer.alloc(0);

function byTable(bytes: Buffer, table: Table): Buffer | null {
  if (scratch.length < 3 * bytes.length) scratch = Buffer.allocUnsafe(3 * bytes.length);
  const out = scratch;
  const ascii = new AsciiRuns(bytes);
  let to = 0;
  let run = 0;
  for (let i = 0; i < bytes.length; i++) {
    let code = table[bytes[i]!]!;
    if (bytes[i]! < 0x80) {
      out[to++] = bytes[i]!;
      if (++run < LONG_RUN) continue;
      const end = ascii.endFrom(i + 1);
      to += bytes.copy(out, to, i + 1, end);
      i = end - 1;
    } else if (code === 0) return null;
    else for (; code !== 0; code >>>= 8) out[to++] = code & 0xff;
    run = 0;
  }
  return Buffer.from(out.subarray(0, to));
}

/** The number of ASCII bytes in a row after which the rest of the run is copied at once. */
const LONG_RUN = 24;

const NO_WORDS = new Uint32Array(0);

/** Finds where runs of ASCII end, four bytes at a time. */
class AsciiRuns {
  readonly #bytes: Buffer;
  readonly #words: Uint32Array;
  /** Bytes before the first word. */
  readonly #lead: number;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#lead = Math.min((4 - (bytes.byteOffset & 3)) & 3, bytes.length);
    const words = (bytes.length - this.#lead) >> 2;
    // Fewer bytes than the lead end before the first word, where an array cannot begin.
    this.#words = words > 0 ? new Uint32Array(bytes.buffer, bytes.byteOffset + this.#lead, words) : NO_WORDS;
  }

  /** Returns the place of the first byte from `at` on that is not ASCII. */
  endFrom(at: number): number {
    const bytes = this.#bytes;
    const words = this.#words;
    let i = at;
    for (; i < bytes.length && ((i - this.#lead) & 3) !== 0; i++) if (bytes[i]! >= 0x80) return i;
    let word = (i - this.#lead) >> 2;
    while (word < words.length && (words[word]! & 0x80808080) === 0) word++;
    i = Math.max(i, this.#lead + 4 * word);
    while (i < bytes.length && bytes[i]! < 0x80) i++;
    return i;
  }
}
