import { availableParallelism } from 'node:os';
import { Piscina } from 'piscina';
import { CsvError, type CsvErrorCode, type CsvErrorPlace } from '../csv/csv-error.js';
import type { Store } from '../storage/store.js';
import { type ScanJob, type ScannedPart, type Scanner, scanPart } from './scan-part.js';

/** What goes between the threads: an error of its own class does not survive the copy. */
export type ThreadAnswer =
  | { part: ScannedPart }
  | { fault: { code: CsvErrorCode; detail: string; place: CsvErrorPlace } };

/** Beyond this the disk is the limit, and each thread takes some 15 MB. */
const MOST_THREADS = 4;

/** Files up to this long are scanned in the caller's own thread, sooner than another would be up. */
const SMALL_FILE = 16 << 20;

/**
 * A scanner with a thread per core, for as many files at once. Threads end when they have been idle for a while.
 * @param folder of the local store, which each thread opens for itself
 */
export function createThreadScanner(store: Store, folder: string): Scanner {
  const pool = new Piscina<ScanJob & { folder: string }, ThreadAnswer>({
    filename: new URL('./scan-thread.js', import.meta.url).href,
    minThreads: 0,
    maxThreads: Math.min(availableParallelism(), MOST_THREADS),
    idleTimeout: 1_000,
    resourceLimits: { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 8 },
  });
  return {
    async scan(job) {
      if (job.size <= SMALL_FILE) return scanHere(store, job);
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
