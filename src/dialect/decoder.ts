import { isAscii } from 'node:buffer';
import { TextDecoder } from 'node:util';
import { csvError } from '../csv/csv-error.js';
import { firstInvalidUtf8 } from '../csv/utf8.js';
import { decodeWindows1252, encodingOf } from './encodings.js';

/**
 * Decodes the bytes of a file, chunk by chunk, to text. Bytes that are not of the encoding are an error that names
 * the first of them; nothing is replaced. A byte order mark stays, as U+FEFF.
 * @throws {TaskError} unsupported_dialect for an encoding that is not read
 */
export class Decoder {
  readonly encoding: string;
  readonly #stream: TextDecoder | undefined;
  /** Bytes decoded before this chunk, and line ends in them. */
  #bytes = 0;
  #lines = 0;
  /** The bytes of a character that the last chunk cut. */
  #carried: Buffer = Buffer.alloc(0);

  constructor(label: string) {
    const encoding = encodingOf(label);
    if (!encoding)
      throw csvError('unsupported_dialect', `The encoding ${JSON.stringify(label)} is not known. Give another.`);
    this.encoding = encoding;
    if (encoding !== 'windows-1252') this.#stream = streamDecoder(encoding);
  }

  /**
   * Returns the text of the chunk, with what the one before it cut.
   * @throws {TaskError} invalid_utf8 (for any encoding), with the line as `row` and the offset in the source
   */
  write(chunk: Buffer, final = false): string {
    const text = this.#decoded(chunk, final);
    this.#bytes += chunk.length;
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) this.#lines++;
    if (this.#stream) this.#carried = Buffer.concat([this.#carried, chunk.subarray(-8)]).subarray(-8);
    return text;
  }

  /** @throws {TaskError} invalid_utf8 where the file ends inside a character */
  end(): string {
    return this.write(Buffer.alloc(0), true);
  }

  #decoded(chunk: Buffer, final: boolean): string {
    if (!this.#stream) return decodeWindows1252(chunk);
    try {
      return this.#stream.decode(chunk, { stream: !final });
    } catch {
      throw this.#invalid(chunk);
    }
  }

  /** Finds the first bad byte: decodes the chunk again, with the bytes carried over, in ever smaller pieces. */
  #invalid(chunk: Buffer): Error {
    const bytes = Buffer.concat([this.#carried, chunk]);
    const from = resynchronised(this.encoding, this.#carried);
    const bad = this.encoding === 'utf-8' ? firstInvalidUtf8(bytes, from, bytes.length) : this.#firstBad(bytes, from);
    const at = Math.max(bad, 0);
    const offset = this.#bytes - this.#carried.length + at;
    const lines = this.#lines + countLines(bytes, this.#carried.length, at);
    const shown = at < bytes.length ? `The byte 0x${bytes[at].toString(16).padStart(2, '0')}` : 'The end of the file';
    const detail = `${shown} is not valid ${this.encoding}. Give the encoding of the file, or save it as UTF-8.`;
    return csvError('invalid_utf8', `Line ${lines + 1}: ${detail}`, { byte_offset: offset });
  }

  #firstBad(bytes: Buffer, from: number): number {
    let low = from;
    let high = bytes.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isDecodable(bytes.subarray(from, middle + 1), this.encoding)) low = middle + 1;
      else high = middle;
    }
    return Math.min(low, bytes.length);
  }
}

/** Decodes a whole buffer, whose end may cut a character. Replaces bytes that are not of the encoding by U+FFFD. */
export function decodeLoosely(bytes: Buffer, encoding: string): string {
  if (encoding === 'windows-1252') return decodeWindows1252(bytes);
  if (encoding === 'utf-8' && isAscii(bytes)) return bytes.toString('latin1');
  return new TextDecoder(encoding, { ignoreBOM: true }).decode(bytes, { stream: true });
}

function streamDecoder(encoding: string): TextDecoder {
  return new TextDecoder(encoding, { fatal: true, ignoreBOM: true });
}

function isDecodable(bytes: Buffer, encoding: string): boolean {
  try {
    streamDecoder(encoding).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}

/** Where in the bytes carried over a character can begin: all of them, or the last for sure. */
function resynchronised(encoding: string, carried: Buffer): number {
  for (let from = 0; from < carried.length; from++) if (isDecodable(carried.subarray(from), encoding)) return from;
  return carried.length;
}

function countLines(bytes: Buffer, from: number, to: number): number {
  let lines = 0;
  for (let i = from; i < to; i++) if (bytes[i] === 10) lines++;
  return lines;
}
