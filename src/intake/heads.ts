import type { Piscina } from 'piscina';
import type { FileOptions } from './file-options.js';
import type { HeadFault } from './head-fault.js';
import workOnHead, { type HeadAnswer, type HeadJob } from './head-thread.js';
import { isQuicklyRead } from './read-head.js';
import { createThreads } from './threads.js';

/** How long a thread, which takes some 50 MB, waits for the next head. */
const IDLE_MS = 5_000;
/** A shorter head of UTF-8 is read in the caller's own thread: it takes a few milliseconds. */
const SHORT_BYTES = 1 << 14;

const THREAD = new URL('./head-thread.js', import.meta.url);

/** Checks and previews the beginnings of files, the long ones away from the caller's thread. */
export class Heads {
  readonly #pool: Piscina<HeadJob, HeadAnswer>;

  /** @param thread what the threads run */
  constructor(thread = THREAD) {
    this.#pool = createThreads(thread, IDLE_MS);
  }

  /** Checks as `checkHead` does, and returns what that throws. */
  async check(head: Buffer, isWhole: boolean, options: FileOptions): Promise<HeadFault | undefined> {
    return (await this.#run({ head, isWhole, options })).fault;
  }

  /** Returns what a head says and its first rows, or what the check would throw. */
  preview(head: Buffer, isWhole: boolean, options: FileOptions, rows: number): Promise<HeadAnswer> {
    return this.#run({ head, isWhole, options, rows });
  }

  close(): Promise<void> {
    return this.#pool.destroy();
  }

  async #run(job: HeadJob & { head: Buffer }): Promise<HeadAnswer> {
    const { head, isWhole } = job;
    const isHere = head.length <= SHORT_BYTES && isQuicklyRead(head, isWhole);
    return isHere ? workOnHead(job) : this.#pool.run(job);
  }
}
