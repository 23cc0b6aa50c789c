import { createEngine } from '../../src/csv/engine.js';
import { findParts } from '../../src/intake/find-parts.js';
import { readHead } from '../../src/intake/read-head.js';
import { type Scanned, type Scanner, scanPart } from '../../src/intake/scan-part.js';
import { kernel } from '../../src/kernel/kernel.js';
import type { StoreFile } from '../../src/storage/store.js';

export const csv = createEngine(kernel);
export const MIB = 1 << 20;
export const LINE = 'a line of forty-eight bytes, with two columns ...\n';

/** So many lines as fill about this many MiB. */
export function lines(mib: number): string {
  return LINE.repeat(Math.floor((mib * MIB) / LINE.length));
}

/** What inspect finds in a stored file that begins with a header. */
export async function partsOf(bytes: Buffer, signal = new AbortController().signal): Promise<Scanned[]> {
  const { plain, headers } = readHead(bytes.subarray(0, MIB), bytes.length <= MIB);
  // Inspect converts it.
  if (!plain) return [];
  const { dialect, dataOffset } = plain;
  const file: StoreFile = {
    size: bytes.length,
    read: async (buffer, position) => bytes.copy(buffer as Buffer, 0, position),
    close: async () => {},
  };
  const scanner: Scanner = { scan: (job) => scanPart(file, job, csv), close: async () => {} };
  const source = { key: 'source', size: bytes.length, dialect, columns: headers.length, dataOffset };
  const found: Scanned[] = [];
  for await (const part of findParts(scanner, source, { from: dataOffset, firstRow: 1 }, signal)) found.push(part);
  return found;
}
