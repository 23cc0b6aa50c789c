import type { Reading } from '../contract/task.js';
import type { StoreFile } from '../storage/store.js';
import { type RecordPlace, RecordWalker } from './record-walker.js';
import { readLines } from './source-lines.js';

/** A record as it is in the file. */
export interface SourceRecord extends RecordPlace {
  raw: Buffer;
}

const READ_BYTES = 1 << 18;

/** Packs the places of records for the file store. */
export function packPlaces(places: readonly RecordPlace[]): Buffer {
  return Buffer.from(Float64Array.from(places.flatMap(({ row, byteOffset }) => [row, byteOffset])).buffer);
}

/** Reads what `packPlaces` has packed. */
export function unpackPlaces(bytes: Buffer): RecordPlace[] {
  const count = Math.floor(bytes.length / 16);
  return Array.from({ length: count }, (_, i) => ({
    row: bytes.readDoubleLE(16 * i),
    byteOffset: bytes.readDoubleLE(16 * i + 8),
  }));
}

/**
 * Finds records of a file by their numbers.
 * @param places of some records, ascending
 * @param rows ascending
 */
export async function findRecords(
  file: StoreFile,
  reading: Reading,
  places: readonly RecordPlace[],
  rows: readonly number[],
): Promise<Map<number, SourceRecord>> {
  const found = new Map<number, SourceRecord>();
  for (let i = 0; i < rows.length; ) {
    const start = places.findLast(({ row }) => row <= rows[i]!);
    const next = places.find(({ row }) => row > rows[i]!)?.row ?? Number.POSITIVE_INFINITY;
    const wanted = rows.slice(i).filter((row) => row < next);
    await findFrom(file, reading, start, new Set(wanted), found);
    i += wanted.length;
  }
  return found;
}

async function findFrom(
  file: StoreFile,
  reading: Reading,
  start: RecordPlace | undefined,
  wanted: ReadonlySet<number>,
  found: Map<number, SourceRecord>,
): Promise<void> {
  const walker = new RecordWalker(reading, start);
  const last = Math.max(...wanted);
  const visit = ({ record, source }: Parameters<Parameters<RecordWalker['take']>[1]>[0]) => {
    if (wanted.has(record.row)) found.set(record.row, { row: record.row, ...source() });
  };
  const from = start?.byteOffset ?? 0;
  for await (const lines of readLines(bytesOf(file, from), reading.encoding, from)) {
    walker.take(lines, visit);
    if (walker.rows >= last) return;
  }
  walker.take(null, visit);
}

async function* bytesOf(file: StoreFile, from: number): AsyncGenerator<Buffer> {
  for (let at = from; at < file.size; ) {
    const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, file.size - at));
    const length = await file.read(buffer, at);
    if (length === 0) return;
    yield buffer.subarray(0, length);
    at += length;
  }
}
