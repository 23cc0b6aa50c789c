import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { CsvEngine } from '../csv/engine.js';
import type { Store } from '../storage/store.js';
import { type ConvertAnswer, type Converting, type ConvertJob, convertStored } from './convert-stored.js';
import type { FromCaller, ThreadJob } from './convert-thread.js';
import type { FileOptions } from './file-options.js';
import { throwFault } from './head-fault.js';
import { type Head, isQuicklyRead, readHead } from './read-head.js';
import type { ReadHeadAnswer, ReadHeadJob } from './read-head-thread.js';
import type { UnreadRecord } from './rewriter.js';
import { createThreads } from './threads.js';

/** Soon: a thread is memory of the worker. */
const IDLE_MS = 1_000;
/** A shorter file is converted in the caller's own thread, sooner than another would be up. */
const SHORT_BYTES = 1 << 16;

type OnUnread = Converting['onUnread'];

/** Converts stored files, the long ones away from the caller's thread. */
export interface Converter {
  /** @param onUnread is awaited before the conversion continues; its error ends the conversion */
  convert(job: Omit<ConvertJob, 'maxBytes'>, onUnread: OnUnread, signal: AbortSignal): Promise<ConvertAnswer>;
  /** Reads what a head says, as `readHead` does. @throws {TaskError} */
  readHead(bytes: Buffer, isWhole: boolean, options: FileOptions): Promise<Head>;
  close(): Promise<void>;
}

/**
 * @param folder of the local store, which each thread opens for itself
 * @param maxBytes of an unpacked file
 * @param csv for the caller's own thread
 */
export function createThreadConverter(store: Store, folder: string, maxBytes: number, csv: CsvEngine): Converter {
  const file = new URL('./convert-thread.js', import.meta.url);
  const pool = createThreads<ThreadJob, ConvertAnswer>(file, IDLE_MS);
  // The head thread ends before the conversion begins: the tables of the encodings take 40 MiB.
  const heads = createThreads<ReadHeadJob, ReadHeadAnswer>(new URL('./read-head-thread.js', import.meta.url), 0);
  return {
    readHead: async (bytes, isWhole, options) => {
      if (isQuicklyRead(bytes, isWhole)) return readHead(bytes, isWhole, options);
      const { head, fault } = await heads.run({ bytes, isWhole, options });
      throwFault(fault);
      return { ...head!, bytes: Buffer.from(head!.bytes) };
    },
    convert: async (given, onUnread, signal) => {
      const job = { ...given, maxBytes };
      const isShort = job.source.size <= SHORT_BYTES && job.packing === null;
      if (isShort) return convertStored(store, job, { csv, onUnread, check: () => signal.throwIfAborted() });
      const { port1: ours, port2: port } = new MessageChannel();
      const caller = new Caller(ours, onUnread);
      const stop = () => caller.stop(signal.reason);
      signal.addEventListener('abort', stop);
      try {
        signal.throwIfAborted();
        return await pool.run({ ...job, folder, port }, { transferList: [port] });
      } catch (error) {
        throw caller.failure ?? error;
      } finally {
        signal.removeEventListener('abort', stop);
        ours.close();
      }
    },
    close: () => Promise.all([pool.destroy(), heads.destroy()]).then(() => {}),
  };
}

/** Answers a thread, and stops it by a message, so that it removes its output. A killed thread would leave it. */
class Caller {
  failure: unknown;
  readonly #port: MessagePort;

  constructor(port: MessagePort, onUnread: OnUnread) {
    this.#port = port;
    port.on('message', (records: UnreadRecord[]) => {
      // A buffer that is sent to another thread arrives as a Uint8Array.
      const received = records.map((record) => ({ ...record, raw: Buffer.from(record.raw) }));
      onUnread(received).then(
        () => this.#send('stored'),
        (error: unknown) => this.stop(error),
      );
    });
  }

  stop(reason: unknown): void {
    this.failure ??= reason ?? new Error('the conversion was stopped');
    this.#send('stop');
  }

  #send(message: FromCaller): void {
    this.#port.postMessage(message);
  }
}
