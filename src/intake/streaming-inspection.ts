import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { Piscina } from 'piscina';
import { Heads } from './heads.js';
import { type InspectionJob, REST_BYTES, type StreamedBuffer } from './inspection-thread.js';
import { HEAD_BYTES } from './read-head.js';
import type { ScannedPart } from './scan-part.js';
import type { Arriving } from './streamed-file.js';
import { createThreads, THREADS } from './threads.js';

/** How long a thread waits for the next file. */
const IDLE_MS = 60_000;

/** The number of buffers of one file; when all are in use, the sender of the file waits. */
const BUFFERS = 8;
/** The first holds the whole head. */
const BUFFER_BYTES = HEAD_BYTES;

const THREAD = new URL('./inspection-thread.js', import.meta.url);

/**
 * Inspects files while they arrive, as many at once as there are threads. The others are inspected when they are
 * stored.
 */
export class StreamingInspections {
  /** Checks and previews the beginnings of files. */
  readonly heads = new Heads();
  readonly #onError: (error: unknown) => void;
  readonly #buffers: number;
  readonly #pool: Piscina<InspectionJob, ScannedPart[]>;
  readonly #running = new Set<AbortController>();

  /**
   * @param onError receives errors that should never happen; the file is then inspected when it is stored
   * @param options what the threads run, how long one waits for the next file, and the number of buffers of a file
   */
  constructor(onError: (error: unknown) => void, { thread = THREAD, idleMs = IDLE_MS, buffers = BUFFERS } = {}) {
    this.#buffers = buffers;
    this.#onError = onError;
    this.#pool = createThreads(thread, idleMs);
    // A worker thread failed to start. It is unknown which file it was for, so all are abandoned.
    this.#pool.on('error', (error) => {
      onError(error);
      this.#giveUp();
    });
  }

  /** Starts the inspection of a file that begins to arrive. */
  begin(arriving: Arriving): StreamingInspection {
    const inspect: Inspect = (port) => (this.#running.size < THREADS ? this.#inspect({ port, arriving }) : null);
    return new StreamingInspection(inspect, this.#buffers);
  }

  async close(): Promise<void> {
    this.#giveUp();
    await Promise.all([this.#pool.destroy(), this.heads.close()]);
  }

  #giveUp(): void {
    for (const job of this.#running) job.abort();
  }

  async #inspect(job: InspectionJob): Promise<ScannedPart[]> {
    const givenUp = new AbortController();
    this.#running.add(givenUp);
    try {
      return await this.#pool.run(job, { transferList: [job.port], signal: givenUp.signal });
    } catch (error) {
      if (!givenUp.signal.aborted) this.#onError(error);
      return [];
    } finally {
      this.#running.delete(givenUp);
    }
  }
}

/** Has a thread inspect what comes on the port; null when none is free. */
type Inspect = (port: MessagePort) => Promise<ScannedPart[]> | null;

/** Is given the first `HEAD_BYTES` of a file, or all of it, once. What it throws ends the file, which waits for it. */
export type OnHead = (head: Buffer, isWhole: boolean) => Promise<void>;

/** One file that arrives. */
export class StreamingInspection {
  readonly #inspect: Inspect;
  readonly #buffers: number;
  #parts: Promise<ScannedPart[]> = Promise.resolve([]);
  #port: MessagePort | undefined;
  /** The thread has stopped looking. */
  #ended = false;
  readonly #free: ArrayBuffer[] = [];
  #made = 0;
  #onFree = () => {};
  #filling: Uint8Array | undefined;
  #filled = 0;
  #onHead: OnHead = async () => {};

  constructor(inspect: Inspect, buffers: number) {
    this.#inspect = inspect;
    this.#buffers = buffers;
  }

  /** Passes the file on, and shows its head as soon as that is whole. */
  async *watch(source: AsyncIterable<Uint8Array>, onHead: OnHead = async () => {}): AsyncGenerator<Uint8Array> {
    this.#onHead = onHead;
    let isWhole = false;
    try {
      for await (const chunk of source) {
        await this.#take(chunk);
        yield chunk;
      }
      // The activity inspects a file of one buffer sooner than a thread would start.
      if (this.#port && this.#filling) await this.#send(this.#filling, true);
      else if (this.#filling) await this.#showHead(this.#filling, true);
      isWhole = true;
    } finally {
      if (!isWhole) this.#port?.close();
    }
  }

  /**
   * The parts that were found, in order from the beginning of the data: of a file that is plain, all. Never rejects.
   */
  parts(): Promise<ScannedPart[]> {
    return this.#parts;
  }

  async #take(chunk: Uint8Array): Promise<void> {
    for (let from = 0; from < chunk.length && !this.#ended; ) {
      if (this.#filling && this.#filled === BUFFER_BYTES) await this.#send(this.#filling, false);
      this.#filling ??= await this.#buffer();
      if (!this.#filling) return;
      const piece = chunk.subarray(from, from + BUFFER_BYTES - this.#filled);
      this.#filling.set(piece, REST_BYTES + this.#filled);
      this.#filled += piece.length;
      from += piece.length;
    }
  }

  #showHead(filling: Uint8Array, isWhole: boolean): Promise<void> {
    return this.#onHead(Buffer.from(filling.buffer, REST_BYTES, this.#filled), isWhole);
  }

  async #send(filling: Uint8Array, final: boolean): Promise<void> {
    const { buffer } = filling;
    if (!this.#port) {
      await this.#showHead(filling, final);
      this.#start();
    }
    const arrived: StreamedBuffer = { buffer: buffer as ArrayBuffer, length: this.#filled, final };
    this.#port?.postMessage(arrived, [arrived.buffer]);
    this.#filling = undefined;
    this.#filled = 0;
  }

  #start(): void {
    const { port1: ours, port2: theirs } = new MessageChannel();
    const parts = this.#inspect(theirs);
    if (!parts) {
      this.#ended = true;
      return;
    }
    this.#parts = parts.finally(() => ours.close());
    this.#port = ours;
    ours.on('message', (buffer: ArrayBuffer) => {
      this.#free.push(buffer);
      this.#onFree();
    });
    ours.once('close', () => {
      this.#ended = true;
      this.#free.length = 0; // The rest of the file may take hours.
      this.#onFree();
    });
  }

  /** Returns undefined when the thread has stopped looking. */
  async #buffer(): Promise<Uint8Array | undefined> {
    if (this.#free.length === 0 && this.#made < this.#buffers && !this.#ended) {
      this.#made++;
      return new Uint8Array(REST_BYTES + BUFFER_BYTES);
    }
    while (this.#free.length === 0 && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#onFree = resolve;
      });
    }
    const buffer = this.#free.pop();
    return buffer && new Uint8Array(buffer);
  }
}
