import type { Readable } from 'node:stream';
import type pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { quoteIdent, quoteLiteral } from './copy.js';

/**
 * Reads the rows of a query as CSV; `rowCount` is how many have come. The stream ends after the last row; destroying it
 * breaks the COPY off.
 */
export function copyOut(
  client: pg.ClientBase,
  query: string,
  options: CsvOptions = {},
): Readable & { rowCount: number } {
  return client.query(joiningPayloads(copyTo(`COPY (${query}) TO STDOUT (${csvOptions(options)})`)));
}

/** How COPY writes CSV (manual, COPY), as far as it is not `,` and `"`. Records always end in LF. */
export interface CsvOptions {
  /** One ASCII character, as are the two others. */
  delimiter?: string;
  quote?: string;
  escape?: string;
  /** Columns of the query whose values are quoted also where they need not be; NULL never is. */
  forceQuote?: 'all' | string[];
}

function csvOptions({ delimiter, quote, escape: escapedBy, forceQuote = [] }: CsvOptions): string {
  const list = forceQuote === 'all' ? '*' : forceQuote.length > 0 && `(${forceQuote.map(quoteIdent).join(', ')})`;
  return [
    'FORMAT csv',
    delimiter && `DELIMITER ${quoteLiteral(delimiter)}`,
    quote && `QUOTE ${quoteLiteral(quote)}`,
    escapedBy && `ESCAPE ${quoteLiteral(escapedBy)}`,
    list && `FORCE_QUOTE ${list}`,
  ]
    .filter(Boolean)
    .join(', ');
}

/** The same in COPY's text format, which COPY reads again as it is. */
export function copyOutText(client: pg.ClientBase, query: string): Readable & { rowCount: number } {
  return client.query(joiningPayloads(copyTo(`COPY (${query}) TO STDOUT`)));
}

/**
 * The private part of pg-copy-streams that we use: its decoder and the decoder's state (copy-to.js, pinned version).
 */
interface Decoder extends Readable {
  rowCount: number;
  /** Takes the next bytes of the connection. Returns whether the reader wants more. */
  _parse(chunk: Buffer): boolean;
  _state: number;
  _buffer: { size: number };
  _unreadMessageContentLength: number;
}

const IN_MESSAGE = 2;
/** CopyData (manual, 54.7): `d`, four bytes of length that count themselves, a row. */
const COPY_DATA = 0x64;
const HEADER = 5;

/**
 * Joins the payloads of all whole CopyData messages of a chunk in place and passes them on as one piece. The library
 * makes objects for every row; it still decodes cut messages and all other kinds.
 * Measured on 2,000,000 rows: 1.7 s of processor time before, 0.6 s with this.
 */
function joiningPayloads<T extends pg.Submittable & Readable & { rowCount: number }>(query: T): T {
  const decoder = query as unknown as Decoder;
  const decode = decoder._parse.bind(decoder);
  const counter = new RowCounter();
  decoder._parse = (chunk) => {
    decoder.rowCount = counter.count(chunk);
    let isDrained = true;
    let from = 0;
    if (decoder._state === IN_MESSAGE) {
      from = Math.min(chunk.length, decoder._unreadMessageContentLength);
      isDrained = decode(chunk.subarray(0, from));
    } else if (decoder._buffer.size > 0) return decode(chunk); // The chunk before has cut a header.
    const { read, written } = joinPayloads(chunk, from);
    if (written > from) isDrained = decoder.push(chunk.subarray(from, written));
    return read < chunk.length ? decode(chunk.subarray(read)) : isDrained;
  };
  return query;
}

function joinPayloads(chunk: Buffer, from: number): { read: number; written: number } {
  let read = from;
  let written = from;
  while (read + HEADER <= chunk.length && chunk[read] === COPY_DATA) {
    const next = read + 1 + chunk.readUInt32BE(read + 1);
    if (next > chunk.length) break;
    chunk.copyWithin(written, read + HEADER, next);
    written += next - read - HEADER;
    read = next;
  }
  return { read, written };
}

const NOTHING = Buffer.alloc(0);

/** Counts the rows of a COPY as they come: each is a message of its own, wherever the chunks cut it. */
class RowCounter {
  #rows = 0;
  /** The bytes of the next chunk that belong to a message before. */
  #rest = 0;
  /** A header that was cut. */
  #header = NOTHING;

  /** Returns how many rows have started so far. */
  count(chunk: Buffer): number {
    let at = this.#rest;
    if (this.#header.length > 0) {
      const known = this.#header.length;
      at = this.#read(Buffer.concat([this.#header, chunk.subarray(0, HEADER - known)]), 0) - known;
    }
    while (at < chunk.length) at = this.#read(chunk, at);
    this.#rest = at - chunk.length;
    return this.#rows;
  }

  /** Returns where the message that begins at `at` ends; of a header that is cut, where its bytes end. */
  #read(bytes: Buffer, at: number): number {
    const isWhole = at + HEADER <= bytes.length;
    this.#header = isWhole ? NOTHING : Buffer.from(bytes.subarray(at));
    if (!isWhole) return bytes.length;
    if (bytes[at] === COPY_DATA) this.#rows++;
    return at + 1 + bytes.readUInt32BE(at + 1);
  }
}
