import type { Piscina } from 'piscina';
import type { Preview } from '../contract/answers.js';
import { TaskError } from '../contract/errors.js';
import type { HeadChecker } from './check-head.js';
import type { FileOptions } from './file-options.js';
import workOnHead, { type HeadAnswer, type HeadJob } from './head-thread.js';
import { createThreads } from './threads.js';

/** So long a thread waits for the next head. */
const IDLE_MS = 60_000;
/** A shorter head is read in the caller's own thread: it takes a few milliseconds. */
const SHORT_BYTES = 1 << 14;

const THREAD = new URL('./head-thread.js', import.meta.url);

/** Checks and previews the beginnings of files, the long ones away from the caller's thread. */
export class Heads implements HeadChecker {
  readonly #pool: Piscina<HeadJob, HeadAnswer>;

  /** @param thread what the threads run */
  constructor(thread = THREAD) {
    this.#pool = createThreads(thread, IDLE_MS);
  }

  /** Checks as `checkHead` does. @throws {TaskError} */
  async check(head: Buffer, isWhole: boolean, options: FileOptions): Promise<void> {
    await this.#run({ head, isWhole, options });
  }

  /** Shows what a head says, and its first rows. @throws {TaskError} */
  async preview(head: Buffer, isWhole: boolean, options: FileOptions, rows: number): Promise<Preview> {
    const { preview } = await this.#run({ head, isWhole, options, rows });
    return preview!;
  }

  close(): Promise<void> {
    return this.#pool.destroy();
  }

  async #run(job: HeadJob): Promise<{ preview?: Preview }> {
    const answer = job.head.length <= SHORT_BYTES ? workOnHead(job) : await this.#pool.run(job);
    if (!answer.fault) return answer;
    const { code, detail, ...extras } = answer.fault;
    throw new TaskError(code, detail, extras);
  }
}
