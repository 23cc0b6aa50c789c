import type { FileDialect } from './file-dialect.js';

/** A dialect as bytes of UTF-8. */
export interface TextGrammar {
  delimiter: Buffer;
  /** -1: no byte quotes. */
  quote: number;
  /** -1: quotes are not escaped. */
  escape: number;
  /** The escape comes before a quote, as `\` does; not where the quote is `'` and the escape `"`, which is doubled. */
  escapesQuotes: boolean;
  /** The quote is `"` and is doubled: then a quote at any other place is a fault, as RFC 4180 has it. */
  isRfc: boolean;
  /** A CR alone ends a record. */
  endsAtCr: boolean;
  /** An LF ends a record, with at most `crsBeforeLf` CRs before it. */
  endsAtLf: boolean;
  crsBeforeLf: number;
  skipSpace: boolean;
}

export type Wording = Pick<FileDialect, 'delimiter' | 'quote' | 'escape' | 'newline' | 'skip_space'>;

const LF = 10;
const CR = 13;
const SPACE = 32;

/** Returns the dialect in the bytes that a reader compares. */
export function textGrammar({ delimiter, quote, escape: escapedBy, newline, skip_space }: Wording): TextGrammar {
  return {
    delimiter: Buffer.from(delimiter),
    quote: quote === null ? -1 : quote.charCodeAt(0),
    escape: escapedBy === null ? -1 : escapedBy.charCodeAt(0),
    escapesQuotes: escapedBy !== null && escapedBy !== quote && escapedBy !== '"',
    isRfc: quote === '"' && escapedBy === '"',
    endsAtCr: newline === '\r' || newline === 'mixed',
    endsAtLf: newline !== '\r',
    crsBeforeLf: newline === '\r\r\n' ? 2 : 1,
    skipSpace: skip_space,
  };
}

/** Returns whether the delimiter starts at `at`. */
export function isDelimiterAt(bytes: Buffer, at: number, end: number, { delimiter }: TextGrammar): boolean {
  if (bytes[at] !== delimiter[0] || at + delimiter.length > end) return false;
  for (let k = 1; k < delimiter.length; k++) if (bytes[at + k] !== delimiter[k]) return false;
  return true;
}

/**
 * Returns the length of the line end at `at`, 0 where there is none. It is certain where three more bytes are at
 * hand or the text ends.
 */
export function newlineAt(bytes: Buffer, at: number, end: number, grammar: TextGrammar): number {
  if (at >= end) return 0;
  const byte = bytes[at];
  if (byte === LF) return grammar.endsAtLf ? 1 : 0;
  if (byte !== CR) return 0;
  // Where no LF ends a record, one after a CR is the first byte of a value.
  if (!grammar.endsAtLf) return 1;
  for (let crs = 1; crs <= grammar.crsBeforeLf; crs++) {
    const next = at + crs < end ? bytes[at + crs] : -1;
    if (next === LF) return crs + 1;
    if (next !== CR) break;
  }
  return grammar.endsAtCr ? 1 : 0;
}

/**
 * Passes over a run of escapes inside of quotes: before a quote each pair is one escape, and an odd one makes the quote
 * text; any other is text. Returns the last byte that it has passed.
 * @param dropped places of bytes that belong to no value, to which it adds
 */
export function passEscapes(
  bytes: Buffer,
  first: number,
  end: number,
  grammar: TextGrammar,
  dropped: number[],
): number {
  let last = first;
  while (last + 1 < end && bytes[last + 1] === grammar.escape) last++;
  if (last + 1 >= end || bytes[last + 1] !== grammar.quote) return last;
  for (let k = first; k <= last; k += 2) dropped.push(k);
  return (last - first) % 2 === 0 ? last + 1 : last;
}

/** Returns the place after the spaces that belong to no field. */
export function afterSpaces(bytes: Buffer, at: number, end: number, grammar: TextGrammar): number {
  if (!grammar.skipSpace) return at;
  let i = at;
  while (i < end && bytes[i] === SPACE && !isDelimiterAt(bytes, i, end, grammar)) i++;
  return i;
}

/** Returns where the line that holds `at` ends, quotes not minded; `end` where it does not. */
export function lineEnd(bytes: Buffer, at: number, end: number, grammar: TextGrammar): number {
  for (let i = at; i < end; i++)
    if ((bytes[i] === LF || bytes[i] === CR) && newlineAt(bytes, i, end, grammar) > 0) return i;
  return end;
}
