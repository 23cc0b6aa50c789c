import { TaskError } from '../contract/errors.js';
import { DELIMITERS } from '../contract/marks.js';
import type { GivenDialect } from '../contract/requests.js';
import { detectDialect } from '../csv/dialect.js';
import { assertText } from '../csv/file-type.js';
import { readHeader } from '../csv/header.js';
import type { FileOptions } from './file-options.js';

/**
 * Reads the header of a file that still arrives, with each delimiter that the rest of the file may yet point to. The
 * first is the one that the bytes so far point to.
 * @param head the file's first bytes
 * @returns the names by each delimiter; null as long as more bytes may change them
 */
export function possibleHeaders(head: Buffer, given: FileOptions['dialect'] = {}): string[][] | null {
  const options = plainOptions(given);
  if (!options || (options.newline === undefined && !endsInLineFeed(head))) return null;
  try {
    assertText(head);
    const dialect = detectDialect(head, { ...options, newline: options.newline ?? '\n' });
    const others = options.delimiter ? [] : DELIMITERS.filter((delimiter) => delimiter !== dialect.delimiter);
    const headers = [dialect.delimiter, ...others].map(
      (delimiter) => readHeader(head, { ...dialect, delimiter }).names,
    );
    return headers.some(isHeader) ? headers : null;
  } catch (error) {
    // It is not complete, or it is refused once the whole head is there.
    if (error instanceof TaskError) return null;
    throw error;
  }
}

/** What is given, where it is of a plain file with its header in the first line; else nothing is known early. */
function plainOptions(given: GivenDialect): Parameters<typeof detectDialect>[1] | undefined {
  const { delimiter, newline, encoding = 'utf-8', header_rows = 1, skip_lines = 0, quote = '"', skip_space } = given;
  const isPlain = /^utf-?8$/i.test(encoding) && header_rows === 1 && skip_lines === 0 && quote === '"' && !skip_space;
  const known = DELIMITERS.find((one) => one === delimiter);
  const isKnown = (delimiter === undefined || known) && newline !== '\r\r\n' && newline !== 'mixed';
  return isPlain && isKnown ? { delimiter: known, newline: newline as '\n' | undefined } : undefined;
}

/** A line of one name, or with names that are empty, may be a title above the header; a value is no name. */
function isHeader(names: string[]): boolean {
  return names.length > 1 && names.every((name) => name.trim() !== '' && !/^[-+\d.,:/ ]+$/.test(name));
}

/**
 * Whether the first line ends in LF or CRLF. After a bare CR the rest of the file decides which of them ends a line.
 */
function endsInLineFeed(head: Buffer): boolean {
  const line = head.toString('latin1', 0, head.indexOf(10) + 1);
  return line !== '' && !/\r(?!\n)/.test(line);
}
