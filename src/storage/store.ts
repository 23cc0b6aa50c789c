import type { Readable } from 'node:stream';

/** What is known of an object once it is stored: its length in bytes and its SHA-256 in hexadecimal. */
export interface Stored {
  size: number;
  sha256: string;
}

/** A stored object held open for reading at any place, one read at a time. */
export interface StoreFile {
  /** Bytes. */
  readonly size: number;
  /** Fills `buffer` from `position` as far as the object goes; resolves to the number of bytes read. */
  read(buffer: Uint8Array, position: number): Promise<number>;
  close(): Promise<void>;
}

export interface PutOptions {
  /** The max size in bytes; more are refused with `file_too_large`. */
  maxBytes?: number;
}

export interface ConcatOptions {
  signal?: AbortSignal;
  /** Receives the bytes written so far, after each piece of 4 MiB. */
  onProgress?: (bytes: number) => void;
}

/**
 * Where files live: sources of uploads, parts and results of downloads. An object appears under its key whole and
 * durable, or not at all. Keys are made by us, never by a caller: segments of `A-Z a-z 0-9 . _ -`, separated by `/`.
 * Each method needs a few MiB of memory for an object of any size.
 */
export interface Store {
  /**
   * Writes an object from a stream, which is read no faster than it can be written.
   * @throws {TaskError} disk_full, file_too_large; the error of a source that breaks off. Nothing is left then.
   */
  put(key: string, source: AsyncIterable<Uint8Array>, options?: PutOptions): Promise<Pick<Stored, 'size'>>;

  /** The same with the object's hash, which takes a second of processor time per gigabyte. */
  putHashed(key: string, source: AsyncIterable<Uint8Array>, options?: PutOptions): Promise<Stored>;

  /**
   * The bytes from `start` to `end`, both included. The stream fails with {TaskError} file_not_found when there are
   * none.
   */
  openRead(key: string, range?: { start?: number; end?: number }): Readable;

  /** @throws {TaskError} file_not_found */
  open(key: string): Promise<StoreFile>;

  stat(key: string): Promise<{ size: number; mtimeMs: number } | null>;

  /** Removes one object. Nothing happens when there is none. */
  remove(key: string): Promise<void>;

  /**
   * Removes every object directly or indirectly below `prefix`, a whole number of segments (`results/<id>/`), and what
   * writers that were killed have left of some directly below it. Nothing happens when there is none.
   */
  removeAll(prefix: string): Promise<void>;

  /** Removes unfinished objects directly below `prefix`. A writer that is still active fails. */
  removeUnfinished(prefix: string): Promise<void>;

  /** The keys below `prefix`, in order. */
  list(prefix: string): Promise<string[]>;

  /**
   * Makes one object of `head` and the objects `keys`, in this order, under a key that is new. The parts stay as they
   * are, and the object does when they are removed. It need not cost their bytes once more.
   * @throws {TaskError} disk_full, file_not_found; the reason of the signal. Nothing is left then.
   */
  concat(key: string, head: Uint8Array | null, keys: readonly string[], options?: ConcatOptions): Promise<Stored>;

  /**
   * Removes what killed writers have left, older than this, empty folders too. Resolves to the number of unfinished
   * objects.
   */
  sweepTemp(olderThanMs: number): Promise<number>;
}
