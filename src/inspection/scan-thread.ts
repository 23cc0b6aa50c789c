import { CsvError } from '../csv/csv-error.js';
import { createLocalStore } from '../storage/local-store.js';
import { type ScanJob, scanPart } from './scan-part.js';
import type { ThreadAnswer } from './thread-scanner.js';

/** What a thread of the scanner runs: one part. */
export default async function scanInThread({ folder, ...job }: ScanJob & { folder: string }): Promise<ThreadAnswer> {
  const file = await createLocalStore(folder).open(job.key);
  try {
    const scanned = await scanPart(file, job);
    if (!(scanned instanceof CsvError)) return { part: scanned };
    const { code, detail, row, byteOffset, column, value } = scanned;
    return { fault: { code, detail, place: { row, byteOffset, column, value } } };
  } finally {
    await file.close();
  }
}
