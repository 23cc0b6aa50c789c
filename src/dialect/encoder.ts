import { TaskError } from '../contract/errors.js';
import { decodeLoosely } from './decoder.js';

/**
 * Encodes text, the inverse of `Decoder`: what is encoded is decoded to the same text. A character that the encoding
 * does not have is an error; nothing is replaced. Of GB18030 the characters of one and two bytes are encoded.
 * @throws {TaskError} unencodable_value
 */
export function encodeText(text: string, encoding: string): Buffer {
  if (encoding === 'utf-8') return Buffer.from(text);
  if (encoding === 'utf-16le') return Buffer.from(text, 'utf16le');
  if (encoding === 'utf-16be') return Buffer.from(text, 'utf16le').swap16();
  const codes = codesOf(encoding);
  const bytes = Buffer.allocUnsafe(2 * text.length);
  let to = 0;
  for (const character of text) {
    const code = codes.get(character);
    if (code === undefined) throw unencodable(character, encoding);
    if (code > 0xff) bytes[to++] = code >> 8;
    bytes[to++] = code & 0xff;
  }
  return bytes.subarray(0, to);
}

function unencodable(character: string, encoding: string): TaskError {
  const point = character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
  return new TaskError(
    'unencodable_value',
    `The table holds the character U+${point}, which ${encoding} cannot hold. Start the download without like_source to get UTF-8.`,
  );
}

/** Each character, and the bytes that are decoded to it. */
type Codes = Map<string, number>;
const tables = new Map<string, Codes>();

function codesOf(encoding: string): Codes {
  const known = tables.get(encoding);
  if (known) return known;
  const codes: Codes = new Map();
  noteAll(
    codes,
    encoding,
    Array.from({ length: 0x100 }, (_, byte) => byte),
  );
  for (let lead = 0x81; TWO_BYTES.has(encoding) && lead <= 0xfe; lead++) {
    if (encoding === 'shift_jis' && NEC_COPIES.has(lead)) continue;
    noteAll(
      codes,
      encoding,
      Array.from({ length: 0xbf }, (_, i) => (lead << 8) | (0x40 + i)),
    );
  }
  tables.set(encoding, codes);
  return codes;
}

const TWO_BYTES = new Set(['shift_jis', 'euc-jp', 'gbk', 'gb18030', 'big5', 'euc-kr']);
/** Rows that repeat characters of IBM's rows: an encoder leaves them out (Encoding Standard, 12.3.2). */
const NEC_COPIES = new Set([0xed, 0xee]);
/** Stands between the codes, since it ends a character that is cut. */
const SEPARATOR = 0x0a;

function noteAll(codes: Codes, encoding: string, all: number[]): void {
  const bytes = all.flatMap((code) => (code > 0xff ? [code >> 8, code & 0xff, SEPARATOR] : [code, SEPARATOR]));
  const texts = decodeLoosely(Buffer.from(bytes), encoding).split('\n');
  // The separator itself is a code that leaves two empty texts.
  if (all.includes(SEPARATOR)) texts.splice(SEPARATOR, 2, '\n');
  for (const [i, code] of all.entries()) {
    const text = texts[i]!;
    if ([...text].length === 1 && text !== '\ufffd' && !codes.has(text)) codes.set(text, code);
  }
}
