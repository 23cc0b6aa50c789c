import { PART_BYTES } from '../contract/limits.js';
import type { CsvEngine } from '../csv/engine.js';
import type { Store } from '../storage/store.js';
import { type ScanJob, type Scanned, type Scanner, scanPart } from './scan-part.js';
import { createThreads } from './threads.js';

/** Soon: a thread is memory of the worker. */
const IDLE_MS = 1_000;

/**
 * A scanner with a thread per core, for as many files at once. A file as short as a part is scanned in the caller's
 * own thread, sooner than another would be up.
 * @param folder of the local store, which each thread opens for itself
 * @param csv for the caller's own thread
 */
export function createThreadScanner(store: Store, folder: string, csv: CsvEngine): Scanner {
  const file = new URL('./scan-thread.js', import.meta.url);
  const pool = createThreads<ScanJob & { folder: string }, Scanned>(file, IDLE_MS);
  return {
    scan: (job) => (job.size <= PART_BYTES ? scanHere(store, job, csv) : pool.run({ ...job, folder })),
    close: () => pool.destroy(),
  };
}

async function scanHere(store: Store, job: ScanJob, csv: CsvEngine): Promise<Scanned> {
  const file = await store.open(job.key);
  try {
    return await scanPart(file, job, csv);
  } finally {
    await file.close();
  }
}
