import { hasBom } from '../csv/dialect.js';
import { findQuoting } from '../csv/quoting.js';
import { decodeLoosely } from '../dialect/decoder.js';
import { encodingOf } from '../dialect/encodings.js';
import type { StoreFile } from '../storage/store.js';
import type { SourceStyle } from '../tasks/tasks.js';

/** The bytes of a file whose quotes are inspected. An export does not reproduce a style that changes later. */
const QUOTES_BYTES = 256 << 10;
/** Room for a line end in UTF-16. */
const END_BYTES = 4;

/** The fields of a dialect that are used here, the same for both engines. */
export interface SourceDialect {
  encoding: string;
  delimiter: string;
  quote: string | null;
  newline: string;
  header_rows?: number;
  skip_lines?: number;
}

/**
 * Finds out how the fields of a file are quoted, what it begins with, and whether its last record ends with a newline.
 * @param head its first `HEAD_BYTES`, or all of it
 */
export async function readSourceStyle(file: StoreFile, head: Buffer, dialect: SourceDialect): Promise<SourceStyle> {
  const encoding = encodingOf(dialect.encoding) ?? 'utf-8';
  const beginning = head.subarray(0, QUOTES_BYTES);
  const text = encoding === 'utf-8' ? beginning : Buffer.from(decodeLoosely(beginning, encoding));
  const end = decodeLoosely(await readEnd(file, head), encoding);
  const { length, ...above } = aboveRecords(text);
  const style = { ...above, final_newline: /[\r\n]$/.test(end) };
  if (dialect.quote !== '"' || dialect.delimiter.length > 1)
    return { quoted_header: false, quoted: 'needed', ...style };
  return { ...findQuoting(text.subarray(length), dialect), ...style };
}

/** The marks, and the line that names a delimiter: `detect` does not count it among the lines above the header. */
function aboveRecords(text: Buffer): { marks: number; separator_line: boolean; length: number } {
  let marks = 0;
  while (hasBom(text.subarray(3 * marks, 3 * marks + 3))) marks++;
  const line = SEPARATOR_LINE.exec(text.toString('utf8', 3 * marks, 3 * marks + 64))?.[0] ?? '';
  return { marks, separator_line: line !== '', length: 3 * marks + Buffer.byteLength(line) };
}

const SEPARATOR_LINE = /^("?)sep=[^\r\n"]{1,8}\1[;,\t]*(?:\r*\n|\r)/i;

async function readEnd(file: StoreFile, head: Buffer): Promise<Buffer> {
  if (head.length === file.size) return head.subarray(-END_BYTES);
  const buffer = Buffer.allocUnsafe(END_BYTES);
  return buffer.subarray(0, await file.read(buffer, file.size - END_BYTES));
}
