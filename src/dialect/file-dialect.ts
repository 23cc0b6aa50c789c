import { FILE_NEWLINES, isOneOf, type Newline } from '../contract/marks.js';
import { csvError } from '../csv/csv-error.js';
import { encodingOf } from './encodings.js';

export type { Newline };

/** The dialect of a file, without compression. */
export interface FileDialect {
  /** A label of the Encoding Standard, in lower case. */
  encoding: string;
  bom: boolean;
  /** 1 to 8 characters. */
  delimiter: string;
  /** null: no character quotes. */
  quote: string | null;
  /** The quote itself where quotes are doubled; null where a quote is not escaped at all. */
  escape: string | null;
  newline: Newline;
  /** 0 to 9 records; the names of several are joined by a space. */
  header_rows: number;
  /** Lines above the header that are no records: titles, blank lines. A `sep=` line is not counted. */
  skip_lines: number;
  /** Spaces after a delimiter belong to no field. */
  skip_space: boolean;
}

/** What a request says about the file; each key overrides what is detected. */
export type GivenDialect = Partial<FileDialect>;

export type DialectKey = keyof FileDialect;

/**
 * Checks what a request says about the file.
 * @throws {TaskError} unsupported_dialect, which names the key, its value and what is allowed
 */
export function assertGiven(given: GivenDialect): void {
  const { encoding, delimiter, quote, escape: escapedBy, newline, header_rows, skip_lines } = given;
  if (encoding !== undefined && !encodingOf(encoding)) refuse('encoding', encoding, 'a label such as windows-1252');
  if (delimiter !== undefined && !isDelimiter(delimiter))
    refuse('delimiter', delimiter, '1 to 8 characters without quotes and line ends');
  if (quote !== undefined && quote !== null && !isMark(quote)) refuse('quote', quote, 'one ASCII character or null');
  if (escapedBy !== undefined && escapedBy !== null && !isMark(escapedBy))
    refuse('escape', escapedBy, 'one ASCII character or null');
  if (newline !== undefined && !isOneOf(FILE_NEWLINES, newline))
    refuse('newline', newline, FILE_NEWLINES.map(quoted).join(', '));
  if (header_rows !== undefined && !isCount(header_rows, 9)) refuse('header_rows', header_rows, 'a number from 0 to 9');
  if (skip_lines !== undefined && !isCount(skip_lines, 100_000))
    refuse('skip_lines', skip_lines, 'a number from 0 to 100000');
  for (const mark of [quote, escapedBy])
    if (mark && delimiter?.includes(mark)) refuse('delimiter', delimiter, 'one without the quote and the escape');
}

function isDelimiter(text: string): boolean {
  return [...text].length >= 1 && [...text].length <= 8 && !/[\r\n\0"]/.test(text);
}

function isMark(text: string): boolean {
  return /^[!-/:-@[-`{-~]$/.test(text);
}

function isCount(value: number, most: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= most;
}

function quoted(text: string): string {
  return JSON.stringify(text);
}

function refuse(key: DialectKey, value: unknown, allowed: string): never {
  throw csvError('unsupported_dialect', `The ${key} ${JSON.stringify(value)} is not supported. Use ${allowed}.`);
}
