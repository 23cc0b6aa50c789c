import { createEngine } from '../csv/engine.js';
import { kernel } from '../kernel/kernel.js';
import { createLocalStore } from '../storage/local-store.js';
import { type ScanJob, type Scanned, scanPart } from './scan-part.js';

const csv = createEngine(kernel);

/** What a thread of the scanner runs: one part. */
export default async function scanInThread({ folder, ...job }: ScanJob & { folder: string }): Promise<Scanned> {
  const file = await createLocalStore(folder).open(job.key);
  try {
    return await scanPart(file, job, csv);
  } finally {
    await file.close();
  }
}
