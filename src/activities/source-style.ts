import { hasBom } from '../csv/dialect.js';
import { findQuoting } from '../csv/quoting.js';
import { decodeLoosely } from '../dialect/decoder.js';
import { encodingOf } from '../dialect/encodings.js';
import type { StoreFile } from '../storage/store.js';
import type { SourceStyle } from '../tasks/tasks.js';

/** The quotes of so much of a file are looked at: a file that changes its manner later is written otherwise. */
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

/** Finds out how the fields of a file are quoted, and whether its last record ends with a newline. */
export async function readSourceStyle(file: StoreFile, dialect: SourceDialect): Promise<SourceStyle> {
  const encoding = encodingOf(dialect.encoding) ?? 'utf-8';
  const head = await read(file, 0, QUOTES_BYTES);
  const text = encoding === 'utf-8' ? head : Buffer.from(decodeLoosely(head, encoding));
  const end = decodeLoosely(await read(file, file.size - END_BYTES, END_BYTES), encoding);
  const final_newline = /[\r\n]$/.test(end);
  if (dialect.quote !== '"' || dialect.delimiter.length > 1)
    return { quoted_header: false, quoted: 'needed', final_newline };
  return { ...findQuoting(text.subarray(hasBom(text) ? 3 : 0), dialect), final_newline };
}

async function read(file: StoreFile, from: number, length: number): Promise<Buffer> {
  const start = Math.max(0, from);
  const buffer = Buffer.allocUnsafe(Math.min(length, file.size - start));
  return buffer.subarray(0, await file.read(buffer, start));
}
