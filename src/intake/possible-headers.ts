import { TaskError } from '../contract/errors.js';
import { DELIMITERS, detectDialect } from '../csv/dialect.js';
import { assertText } from '../csv/file-type.js';
import { readHeader } from '../csv/header.js';
import type { DialectOptions } from './read-head.js';

/**
 * Reads the header of a file that still arrives, with each delimiter that the rest of the file may yet point to. The
 * first is the one that the bytes so far point to.
 * @param head the file's first bytes
 * @returns the names by each delimiter; null as long as more bytes may change them
 */
export function possibleHeaders(head: Buffer, options: DialectOptions = {}): string[][] | null {
  if (options.newline === undefined && !endsInLineFeed(head)) return null;
  try {
    assertText(head);
    const dialect = detectDialect(head, { ...options, newline: options.newline ?? '\n' });
    const others = options.delimiter ? [] : DELIMITERS.filter((delimiter) => delimiter !== dialect.delimiter);
    return [dialect.delimiter, ...others].map((delimiter) => readHeader(head, { ...dialect, delimiter }).names);
  } catch (error) {
    // It is not complete, or it is refused once the whole head is there.
    if (error instanceof TaskError) return null;
    throw error;
  }
}

/**
 * Whether the first line ends in LF or CRLF. After a bare CR the rest of the file decides which of them ends a line.
 */
function endsInLineFeed(head: Buffer): boolean {
  const line = head.toString('latin1', 0, head.indexOf(10) + 1);
  return line !== '' && !/\r(?!\n)/.test(line);
}
