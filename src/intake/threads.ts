import { availableParallelism } from 'node:os';
import { Piscina } from 'piscina';

/** One thread per core, four at most: beyond that the disk or the network is the limit, and each takes some 15 MB. */
export const THREADS = Math.min(availableParallelism(), 4);

/**
 * Threads for scanning, started when there is work for them.
 * @param file what they run
 * @param idleMs how long one waits for more before it ends
 */
export function createThreads<Job, Answer>(file: URL, idleMs: number): Piscina<Job, Answer> {
  return new Piscina({
    filename: file.href,
    minThreads: 0,
    maxThreads: THREADS,
    idleTimeout: idleMs,
    resourceLimits: { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 8 },
  });
}
