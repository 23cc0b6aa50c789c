import { CsvError } from '../csv/csv-error.js';
import type { ScanJob, Scanned, Scanner } from './scan-part.js';

/** Parts are about this long: few enough activities, and enough parts to keep the window full. */
const PART_BYTES = 16 << 20;

/**
 * Finds the parts of a file in order, scanning several at once. Where the part before ends is not known yet when a part is
 * begun, so its first record is guessed; each part counts only once it is seen to begin where the one before ended, and is
 * scanned again from there when it does not. What comes out is what one pass from the beginning would find.
 */
export async function* findParts(
  scanner: Scanner,
  source: Pick<ScanJob, 'key' | 'size' | 'dialect' | 'columns'>,
  from: number,
  signal: AbortSignal,
): AsyncGenerator<Scanned> {
  const jobs = planJobs(source, from);
  const running: Promise<Scanned>[] = [];
  let next = 0;
  let offset = from;
  for (const job of jobs) {
    signal.throwIfAborted();
    while (next < jobs.length && running.length < scanner.threads) running.push(quietly(scanner.scan(jobs[next++]!)));
    const guessed = await running.shift()!;
    // A record of the part before reached over this whole part.
    if (offset >= job.stopAt) continue;
    const part = isFrom(guessed, offset, job) ? guessed : await scanner.scan({ ...job, from: offset, guess: false });
    yield part;
    if (part instanceof CsvError) return;
    offset = part.byteTo;
  }
}

function planJobs(source: Pick<ScanJob, 'key' | 'size' | 'dialect' | 'columns'>, from: number): ScanJob[] {
  const jobs: ScanJob[] = [];
  for (let start = from; start < source.size; start += PART_BYTES) {
    const stopAt = Math.min(start + PART_BYTES, source.size);
    jobs.push({ ...source, from: start, stopAt, guess: start > from });
  }
  return jobs;
}

/** An error counts only from a part that began for certain: after a wrong guess anything may look like one. */
function isFrom(scanned: Scanned, offset: number, job: ScanJob): boolean {
  return scanned instanceof CsvError ? !job.guess : scanned.byteFrom === offset;
}

/** A scan that nobody waits for any more, because an earlier part failed, must not end the process. */
function quietly<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}
