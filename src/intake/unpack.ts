import { crc32 } from 'node:zlib';
import { TaskError } from '../contract/errors.js';
import type { Packing } from '../csv/file-type.js';
import type { Store, StoreFile } from '../storage/store.js';
import { GZIP_TRAILER, gzipHeaderLength, MAX_GZIP_HEADER } from './gzip-header.js';
import { createInflation } from './inflation.js';
import { damaged } from './unpack-head.js';
import { unzip } from './unzip.js';

/** A packed file may unpack to `MAX_RATIO` times its size, and always to `ALWAYS_ALLOWED` bytes. */
const MAX_RATIO = 200;
const ALWAYS_ALLOWED = 64 << 20;

interface Packed {
  key: string;
  size: number;
  packing: Packing;
  /** More bytes than this are refused. */
  maxBytes: number;
}

/**
 * Unpacks a stored file as a stream: all members of a gzip file, or the one file of a ZIP archive.
 * @throws {TaskError} not_a_text_file (damaged, or not one file), file_too_large
 */
export async function* unpack(store: Store, packed: Packed): AsyncGenerator<Buffer> {
  const { size, packing, maxBytes } = packed;
  const most = Math.min(maxBytes, Math.max(size * MAX_RATIO, ALWAYS_ALLOWED));
  let total = 0;
  try {
    for await (const chunk of packing === 'zip' ? unzip(store, packed.key, size) : gunzip(store, packed.key)) {
      total += chunk.length;
      if (total > most) throw tooLarge(most);
      yield chunk;
    }
  } catch (error) {
    if ((error as { code?: string }).code?.startsWith('Z_')) throw damaged(packing, error);
    throw error;
  }
}

/** Bytes after the last member that begin none are no data. */
async function* gunzip(store: Store, key: string): AsyncGenerator<Buffer> {
  const file = await store.open(key);
  try {
    for (let at = 0; at < file.size; ) {
      const header = gzipHeaderLength(await readAt(file, at, MAX_GZIP_HEADER));
      if (header === null && at > 0) return;
      if (header === null) throw damaged('gzip');
      const member = new Inflation(store, key, { start: at + header });
      yield* member.chunks();
      at += header + member.consumed;
      const trailer = await readAt(file, at, GZIP_TRAILER);
      const isWhole = trailer.length === GZIP_TRAILER && trailer.readUInt32LE(0) === member.sum;
      if (!isWhole || trailer.readUInt32LE(4) !== member.size % 2 ** 32) throw damaged('gzip');
      at += GZIP_TRAILER;
    }
  } finally {
    await file.close();
  }
}

/** Inflates a stretch of a stored file, up to the end of the stream that it holds. */
class Inflation {
  size = 0;
  sum = 0;
  consumed = 0;
  readonly #store: Store;
  readonly #key: string;
  readonly #range: { start: number; end?: number };

  constructor(store: Store, key: string, range: { start: number; end?: number }) {
    this.#store = store;
    this.#key = key;
    this.#range = range;
  }

  async *chunks(): AsyncGenerator<Buffer> {
    const input = this.#store.openRead(this.#key, this.#range);
    const inflate = createInflation();
    input.on('error', (error) => inflate.destroy(error));
    try {
      for await (const chunk of input.pipe(inflate)) {
        this.size += chunk.length;
        this.sum = crc32(chunk, this.sum);
        yield chunk;
      }
      this.consumed = inflate.bytesWritten;
    } finally {
      input.destroy();
      inflate.destroy();
    }
  }
}

async function readAt(file: StoreFile, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  return buffer.subarray(0, await file.read(buffer, position));
}

function tooLarge(most: number): TaskError {
  const detail = `The file unpacks to more than ${most} bytes. Upload it unpacked, or in several files.`;
  return new TaskError('file_too_large', detail);
}
