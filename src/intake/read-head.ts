import { type Dialect, detectDialect } from '../csv/dialect.js';
import { assertText } from '../csv/file-type.js';
import { readHeader } from '../csv/header.js';
import type { StoreFile } from '../storage/store.js';

/** What is looked at to find dialect and header: room for 1,600 columns with names of 200 bytes. */
export const HEAD_BYTES = 1 << 20;

/** What the caller of an upload may say of its dialect. */
export type DialectOptions = Parameters<typeof detectDialect>[1];

export interface Head {
  dialect: Dialect;
  /** The names of the columns, as they are in the file. */
  headers: string[];
  /** Where the data begins. */
  dataOffset: number;
}

/** Reads the first `HEAD_BYTES` of a stored file, or all of it. */
export async function headOf(file: StoreFile): Promise<{ bytes: Buffer; isWhole: boolean }> {
  const buffer = Buffer.allocUnsafe(Math.min(HEAD_BYTES, file.size));
  const bytes = buffer.subarray(0, await file.read(buffer, 0));
  return { bytes, isWhole: bytes.length === file.size };
}

/**
 * Reads what the beginning of a file says.
 * @param head the first `HEAD_BYTES` of the file, or all of it
 * @throws {TaskError}
 */
export function readHead(head: Buffer, isWhole: boolean, options: DialectOptions): Head {
  assertText(head);
  const dialect = detectDialect(head, options);
  const { names, end } = readHeader(head, dialect, isWhole);
  return { dialect, headers: names, dataOffset: end };
}
