import { crc32 } from 'node:zlib';
import type { Store, StoreFile } from '../storage/store.js';
import { beginsMember, GZIP_TRAILER, gzipHeaderLength, MAX_GZIP_HEADER } from './gzip-header.js';
import { createInflation, type Inflated, inflateAtOnce } from './inflation.js';
import { ReadAhead } from './read-ahead.js';
import { damaged } from './unpack-head.js';

/** A member of fewer bytes, packed and unpacked, is inflated at once: a stream of its own costs half a millisecond. */
const SHORT_PACKED = 1 << 16;
const SHORT_UNPACKED = 1 << 20;

/** Short chunks are joined: each one costs a write. */
const JOINED_BYTES = 1 << 16;
const MOST_JOINED = 1_000;

/**
 * Unpacks all members of a stored gzip file; bytes after the last one that begin none are no data. A chunk may be
 * empty, so that the caller has a turn also where a long file unpacks to nothing.
 * @throws {TaskError} not_a_text_file; what zlib finds
 */
export async function* gunzip(store: Store, key: string): AsyncGenerator<Buffer> {
  const file = await store.open(key);
  try {
    let some: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of members(store, key, file)) {
      some.push(chunk);
      bytes += chunk.length;
      if (bytes < JOINED_BYTES && some.length < MOST_JOINED) continue;
      yield some.length === 1 ? chunk : Buffer.concat(some);
      some = [];
      bytes = 0;
    }
    yield Buffer.concat(some);
  } finally {
    await file.close();
  }
}

async function* members(store: Store, key: string, file: StoreFile): AsyncGenerator<Buffer> {
  const ahead = new ReadAhead(file);
  // As the one before was: an attempt at a long one is in vain.
  let isShort = true;
  for (let at = 0; at < file.size; ) {
    const head = await ahead.at(at, MAX_GZIP_HEADER + SHORT_PACKED);
    const header = gzipHeaderLength(head);
    if (header === null && at > 0 && !beginsMember(head)) return;
    if (header === null) throw damaged('gzip');
    const short = isShort ? inflateShort(head.subarray(header, header + SHORT_PACKED)) : null;
    const long = short ? null : new Inflation(store, key, at + header);
    if (short) yield short.bytes;
    if (long) yield* long.chunks();
    const member: Member = (short ?? long)!;
    isShort = member.consumed < SHORT_PACKED && member.size < SHORT_UNPACKED;
    at += header + member.consumed;
    const trailer = await ahead.at(at, GZIP_TRAILER);
    const isWhole = trailer.length === GZIP_TRAILER && trailer.readUInt32LE(0) === member.sum;
    if (!isWhole || trailer.readUInt32LE(4) !== member.size % 2 ** 32) throw damaged('gzip');
    at += GZIP_TRAILER;
  }
}

/** A member that is unpacked: its size and its sum are those that its trailer must have. */
interface Member {
  size: number;
  sum: number;
  consumed: number;
}

/** Returns null for a member that is longer, or damaged: the stream says how. */
function inflateShort(packed: Buffer): (Member & Inflated) | null {
  try {
    const { bytes, consumed } = inflateAtOnce(packed, SHORT_UNPACKED);
    return consumed < packed.length ? { bytes, consumed, size: bytes.length, sum: crc32(bytes) } : null;
  } catch {
    return null;
  }
}

/** Inflates a stretch of a stored file, up to the end of the stream that it holds. */
class Inflation implements Member {
  size = 0;
  sum = 0;
  consumed = 0;
  readonly #store: Store;
  readonly #key: string;
  readonly #start: number;

  constructor(store: Store, key: string, start: number) {
    this.#store = store;
    this.#key = key;
    this.#start = start;
  }

  async *chunks(): AsyncGenerator<Buffer> {
    const input = this.#store.openRead(this.#key, { start: this.#start });
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
