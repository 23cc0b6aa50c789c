import { isFault } from '../contract/fault.js';
import { PART_BYTES } from '../contract/limits.js';
import type { ScanJob, Scanned, Scanner } from './scan-part.js';

const GIB = 2 ** 30;

/** Returns how large a part is with so much of the file before it: each part costs Temporal some six events. */
function partBytes(before: number): number {
  if (before < GIB) return PART_BYTES;
  return before < 2 * GIB ? 2 * PART_BYTES : 4 * PART_BYTES;
}

/** Returns the offset after which a part ends that begins at `from`. It depends on the file alone. */
export function partEnd(dataOffset: number, from: number): number {
  const before = from - dataOffset;
  const size = partBytes(before);
  return dataOffset + (Math.floor(before / size) + 1) * size;
}

/** A stored file to be inspected. */
export interface FileToInspect extends Pick<ScanJob, 'key' | 'size' | 'dialect' | 'hints' | 'columns'> {
  dataOffset: number;
}

/**
 * Finds the parts of a stored file in order, from one that begins at `from` on. The last may be what makes the file
 * unreadable.
 * @param firstRow number in the file of the record at `from`
 */
export async function* findParts(
  scanner: Scanner,
  { dataOffset, ...file }: FileToInspect,
  { from, firstRow }: Pick<ScanJob, 'from' | 'firstRow'>,
  signal: AbortSignal,
): AsyncGenerator<Scanned> {
  while (from < file.size) {
    signal.throwIfAborted();
    const part = await scanner.scan({ ...file, from, firstRow, stopAt: partEnd(dataOffset, from) });
    yield part;
    if (isFault(part)) return;
    from = part.byteTo;
    firstRow += part.rows;
  }
}
