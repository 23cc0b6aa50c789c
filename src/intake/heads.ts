import type { Piscina } from 'piscina';
import { type FileOptions, fileOptionsOf } from './file-options.js';
import type { HeadFault } from './head-fault.js';
import workOnHead, { type HeadAnswer, type HeadJob } from './head-thread.js';
import { isQuicklyRead } from './read-head.js';
import { createThreads } from './threads.js';

/** How long a further thread, which takes some 50 MB, waits for the next head. */
const IDLE_MS = 5_000;
/** A person waits for a preview, which takes twice as long in a thread that has just started. */
const KEPT = 1;
/** A shorter head of UTF-8 is read in the caller's own thread: it takes a few milliseconds. */
const SHORT_BYTES = 1 << 14;

const THREAD = new URL('./head-thread.js', import.meta.url);

/** Checks and previews the beginnings of files, the long ones away from the caller's thread. */
export class Heads {
  readonly #thread: URL;
  #threads: Piscina<HeadJob, HeadAnswer> | undefined;

  /** @param thread what the threads run */
  constructor(thread = THREAD) {
    this.#thread = thread;
  }

  /** Has the kept thread read heads of both kinds: its code is loaded and compiled when the first file comes. */
  async warmUp(): Promise<void> {
    const rows = Array.from({ length: 3_000 }, (_, i) => `${i};Zoë ${i};31.12.2024;1.234,50;"a;b"`);
    const text = `id;name;day;price;note\n${rows.join('\n')}\n`;
    for (const encoding of ['utf8', 'latin1'] as const)
      await this.#pool().run({
        head: Buffer.from(text, encoding),
        isWhole: true,
        options: fileOptionsOf({}),
        rows: 20,
      });
  }

  /** Checks as `checkHead` does, and returns what that throws. */
  async check(head: Buffer, isWhole: boolean, options: FileOptions): Promise<HeadFault | undefined> {
    return (await this.#run({ head, isWhole, options })).fault;
  }

  /** Returns what a head says and its first rows, or what the check would throw. */
  preview(head: Buffer, isWhole: boolean, options: FileOptions, rows: number): Promise<HeadAnswer> {
    return this.#run({ head, isWhole, options, rows });
  }

  async close(): Promise<void> {
    await this.#threads?.destroy();
  }

  async #run(job: HeadJob & { head: Buffer }): Promise<HeadAnswer> {
    const { head, isWhole } = job;
    const isHere = head.length <= SHORT_BYTES && isQuicklyRead(head, isWhole);
    return isHere ? workOnHead(job) : this.#pool().run(job);
  }

  #pool(): Piscina<HeadJob, HeadAnswer> {
    this.#threads ??= createThreads(this.#thread, IDLE_MS, KEPT);
    return this.#threads;
  }
}
