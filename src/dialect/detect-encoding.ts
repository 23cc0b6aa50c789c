import { isUtf8 } from 'node:buffer';
import { createRequire } from 'node:module';
import chardet from 'chardet';
import { Decoder } from './decoder.js';
import { encodingOf, isOfAnyOrder } from './encodings.js';

export interface EncodingVerdict {
  encoding: string;
  bom: boolean;
  /** 0 to 100. */
  confidence: number;
  warnings: string[];
}

/** The number of bytes for chardet; more hardly ever change its verdict. */
const SAMPLE = 65_536;
/** The number of bytes for jschardet, which takes 3 ms per KiB. */
const PAIRS = 8_192;
/** Below this the verdict is shown as a guess. */
const SURE = 80;

/**
 * Finds the encoding of a file by its beginning: a byte order mark, UTF-16 by the places of its NUL bytes, strict
 * UTF-8, and then the verdict of chardet (a port of ICU's detector), as far as the bytes decode by it.
 * @param whole the head is the whole file, so that it cannot end inside a character
 * @returns undefined where no encoding fits
 */
export function detectEncoding(head: Buffer, whole: boolean): EncodingVerdict | undefined {
  const marked = byteOrderMark(head);
  if (marked) return { encoding: marked, bom: true, confidence: 100, warnings: [] };
  const wide = utf16ByNulBytes(head);
  if (wide) return { encoding: wide, bom: false, confidence: 90, warnings: [] };
  if (isUtf8(whole ? head : head.subarray(0, wholeCharacters(head))))
    return { encoding: 'utf-8', bom: false, confidence: 100, warnings: [] };
  return legacyEncoding(head, whole);
}

/**
 * Returns the encoding of a file whose encoding is given. A byte order mark that contradicts goes before it, as in the
 * Encoding Standard: no text begins with its bytes. That of UTF-8 does so only where the bytes are UTF-8.
 * @param label one that is read
 */
export function encodingAsGiven(head: Buffer, whole: boolean, label: string): Omit<EncodingVerdict, 'confidence'> {
  const given = encodingOf(label)!;
  const marked = byteOrderMark(head);
  if (isOfAnyOrder(label) && marked !== 'utf-8')
    return { encoding: marked ?? utf16ByNulBytes(head) ?? given, bom: marked !== undefined, warnings: [] };
  const isContrary = marked !== undefined && marked !== given && (marked !== 'utf-8' || isTextOfUtf8(head, whole));
  if (!isContrary) return { encoding: given, bom: marked === given, warnings: [] };
  const warning = `The file begins with the byte order mark of ${marked}: it is read as that, not as ${given}.`;
  return { encoding: marked, bom: true, warnings: [warning] };
}

function isTextOfUtf8(head: Buffer, whole: boolean): boolean {
  return isUtf8(whole ? head : head.subarray(0, wholeCharacters(head))) && !head.includes(0);
}

/** Returns the encoding that a byte order mark at the beginning names. */
export function byteOrderMark(head: Buffer): 'utf-8' | 'utf-16le' | 'utf-16be' | undefined {
  if (head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf) return 'utf-8';
  if (head[0] === 0xff && head[1] === 0xfe) return 'utf-16le';
  return head[0] === 0xfe && head[1] === 0xff ? 'utf-16be' : undefined;
}

/** Line ends and delimiters have their NUL byte on one side in UTF-16, in any script. */
function utf16ByNulBytes(head: Buffer): 'utf-16le' | 'utf-16be' | undefined {
  const sample = head.subarray(0, SAMPLE & ~1);
  if (!sample.includes(0)) return undefined;
  const nuls = [0, 0];
  let marks = 0;
  for (let i = 0; i < sample.length; i++) {
    const byte = sample[i]!;
    if (byte === 0) nuls[i & 1]!++;
    // Whether the byte before or after it, by its side, is NUL.
    else if (MARKS.has(byte)) marks += sample[i ^ 1] === 0 ? 1 : -4;
  }
  const units = sample.length >> 1;
  const [low, high] = nuls as [number, number];
  if (marks <= 0) return undefined;
  if (high * 20 >= units && low * 20 <= high) return 'utf-16le';
  if (low * 20 >= units && high * 20 <= low) return 'utf-16be';
  return undefined;
}

/** Tab, LF, CR, comma and semicolon. */
const MARKS = new Set([9, 10, 13, 44, 59]);

/** Length without a character that the end cuts. */
function wholeCharacters(head: Buffer): number {
  for (let back = 1; back <= Math.min(3, head.length); back++) {
    const byte = head[head.length - back];
    if (byte < 0x80) return head.length;
    if (byte < 0xc0) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return length > back ? head.length - back : head.length;
  }
  return head.length;
}

function legacyEncoding(head: Buffer, whole: boolean): EncodingVerdict | undefined {
  const nearlyUtf8 = utf8Damage(head);
  if (nearlyUtf8) return nearlyUtf8;
  const lines = textLines(head, whole);
  const verdicts = chardet
    .analyse(lines.subarray(0, SAMPLE))
    .map(({ name, confidence }) => ({ encoding: encodingOf(name), confidence }))
    .filter(({ encoding }) => encoding !== undefined && !encoding.startsWith('utf'));
  const best = verdicts.find(({ encoding }) => decodes(lines, encoding));
  if (best && best.confidence >= SURE)
    return { encoding: best.encoding!, bom: false, confidence: best.confidence, warnings: [] };
  const encoding = secondOpinion(head, lines) ?? best?.encoding;
  const { confidence = 0 } = verdicts.find((verdict) => verdict.encoding === encoding) ?? {};
  return encoding === undefined ? undefined : guess(encoding, confidence);
}

const WESTERN = 'windows-1252';
/** How many times as likely a Central European encoding must be, since its languages resemble those of the West. */
const CLEARLY = 2;

/**
 * Asks jschardet, which compares pairs of letters with those of languages: chardet is unreliable on few non-ASCII
 * letters.
 */
function secondOpinion(head: Buffer, lines: Buffer): string | undefined {
  const opinions = likelyEncodings(lines.subarray(0, PAIRS));
  const first = (fits: (encoding: string) => boolean) =>
    opinions.find(({ encoding }) => fits(encoding) && decodes(lines, encoding));
  if (!isWestern(head)) return first(() => true)?.encoding;
  const western = first((encoding) => encoding === WESTERN)?.confidence ?? 0;
  // Letters that are alone between ASCII ones are of no other script.
  const other = first((encoding) => CENTRAL.has(encoding));
  return other && other.confidence > CLEARLY * western ? other.encoding : WESTERN;
}

/** Encodings of the other languages of Europe that are written in Latin letters. */
const CENTRAL = new Set(['windows-1250', 'windows-1254', 'windows-1257', 'iso-8859-2', 'iso-8859-4', 'iso-8859-13']);

const load = createRequire(import.meta.url);

/** The encodings that jschardet finds likely, the likeliest first. Loading its tables takes 0.1 s: only on demand. */
function likelyEncodings(sample: Buffer): { encoding: string; confidence: number }[] {
  const { detectAll } = load('jschardet') as typeof import('jschardet');
  return detectAll(sample).flatMap(({ encoding: name, confidence }) => {
    const encoding = encodingOf(name ?? '');
    return encoding === undefined || encoding.startsWith('utf') ? [] : [{ encoding, confidence }];
  });
}

function guess(encoding: string, confidence: number): EncodingVerdict {
  const warning = `The encoding ${encoding} is a guess (confidence ${confidence} of 100). Check letters beyond ASCII, or give the encoding.`;
  return { encoding, bom: false, confidence, warnings: [warning] };
}

/** What each broken sequence of bytes is decoded to. */
const REPLACEMENT = 0xfffd;

/** Text of UTF-8 with a few broken bytes in it stays UTF-8: the broken bytes are an error, not another encoding. */
function utf8Damage(head: Buffer): EncodingVerdict | undefined {
  const text = head.toString('utf8');
  let [broken, beyondAscii] = [0, 0];
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    if (unit === REPLACEMENT) broken++;
    // The second half of a pair is no character of its own.
    else if (unit < 0xdc00 || unit > 0xdfff) beyondAscii++;
  }
  if (beyondAscii < 10 || broken * 20 > beyondAscii) return undefined;
  const warning = 'The file is UTF-8 but for a few bytes that are not. Their rows will be refused.';
  return { encoding: 'utf-8', bom: false, confidence: 90, warnings: [warning] };
}

/**
 * The lines with bytes beyond ASCII: in a long file of few such lines the others only dilute the verdict. A line that
 * the end of the head cuts is none.
 */
function textLines(head: Buffer, whole: boolean): Buffer {
  const lines: Buffer[] = [];
  let start = 0;
  let isText = false;
  for (let i = 0; i < head.length; i++) {
    const byte = head[i]!;
    if (byte >= 0x80) isText = true;
    if (byte !== 10 && byte !== 13) continue;
    if (isText) lines.push(head.subarray(start, i + 1));
    start = i + 1;
    isText = false;
  }
  if (isText && (whole || lines.length === 0)) lines.push(head.subarray(start));
  return Buffer.concat(lines);
}

function decodes(lines: Buffer, encoding: string | undefined): boolean {
  try {
    // Controls of C1 in a text mean that it was read by the wrong table.
    return !/[\x80-\x84\x86-\x9f]/.test(new Decoder(encoding!).write(lines));
  } catch {
    return false;
  }
}

/** Whether the bytes beyond ASCII read as letters and marks of Western European text, each next to an ASCII byte. */
function isWestern(head: Buffer): boolean {
  let high = 0;
  let fitting = 0;
  for (let i = 0; i < head.length; i++) {
    const byte = head[i];
    if (byte < 0x80) continue;
    high++;
    const isAlone = !(head[i - 1] >= 0x80) && !(head[i + 1] >= 0x80);
    const isLikely = WESTERN_LETTERS.has(byte);
    if (isAlone && isLikely) fitting++;
  }
  return high > 0 && fitting >= high * 0.8;
}

/** In windows-1252: € quotes dashes ellipsis, § ° ² ³ µ · « » £ ¢ ± ½, and the letters of Western Europe. */
const WESTERN_LETTERS = new Set(
  Buffer.from(
    '8084859192939495968a8c9a9c9ea0a1a2a3a7a9abaeb0b1b2b3b4b5b7babbbdbf' +
      'c0c1c2c3c4c5c6c7c8c9cacbcdced1d2d3d4d5d6d8d9dadbdcdfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff1f2f3f4f5f6f8f9fafbfcff',
    'hex',
  ),
);
