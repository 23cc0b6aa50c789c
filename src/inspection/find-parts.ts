import { CsvError } from '../csv/csv-error.js';
import type { ScanJob, Scanned, Scanner } from './scan-part.js';

/** Parts are about this long: few enough activities, and enough parts to keep the window full. */
export const PART_BYTES = 16 << 20;

/** Behind which offset the part ends that begins at `from`. Wherever a file is inspected, its parts are the same. */
export function partEnd(dataOffset: number, from: number): number {
  return dataOffset + (Math.floor((from - dataOffset) / PART_BYTES) + 1) * PART_BYTES;
}

/** A stored file to be inspected. */
export interface FileToInspect extends Pick<ScanJob, 'key' | 'size' | 'dialect' | 'columns'> {
  dataOffset: number;
}

/** Finds the parts of a stored file in order, from one that begins at `from` on. The last may be what makes the file unreadable. */
export async function* findParts(
  scanner: Scanner,
  { dataOffset, ...file }: FileToInspect,
  from: number,
  signal: AbortSignal,
): AsyncGenerator<Scanned> {
  while (from < file.size) {
    signal.throwIfAborted();
    const part = await scanner.scan({ ...file, from, stopAt: partEnd(dataOffset, from) });
    yield part;
    if (part instanceof CsvError) return;
    from = part.byteTo;
  }
}
