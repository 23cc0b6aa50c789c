import { CsvError, type CsvErrorCode, type CsvErrorPlace } from '../csv/csv-error.js';
import type { Store } from '../storage/store.js';
import { PART_BYTES } from './find-parts.js';
import { type ScanJob, type ScannedPart, type Scanner, scanPart } from './scan-part.js';
import { createThreads } from './threads.js';

/** What goes between the threads: an error of its own class does not survive the copy. */
export type ThreadAnswer =
  | { part: ScannedPart }
  | { fault: { code: CsvErrorCode; detail: string; place: CsvErrorPlace } };

/** Soon: a thread is memory of the worker. */
const IDLE_MS = 1_000;

/**
 * A scanner with a thread per core, for as many files at once. A file as short as a part is scanned in the caller's own thread,
 * sooner than another would be up.
 * @param folder of the local store, which each thread opens for itself
 */
export function createThreadScanner(store: Store, folder: string): Scanner {
  const file = new URL('./scan-thread.js', import.meta.url);
  const pool = createThreads<ScanJob & { folder: string }, ThreadAnswer>(file, IDLE_MS);
  return {
    async scan(job) {
      if (job.size <= PART_BYTES) return scanHere(store, job);
      const answer = await pool.run({ ...job, folder });
      return 'part' in answer ? answer.part : new CsvError(answer.fault.code, answer.fault.detail, answer.fault.place);
    },
    close: () => pool.destroy(),
  };
}

async function scanHere(store: Store, job: ScanJob) {
  const file = await store.open(job.key);
  try {
    return await scanPart(file, job);
  } finally {
    await file.close();
  }
}
