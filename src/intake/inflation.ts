import { constants, createInflateRaw, type InflateRaw, inflateRawSync } from 'node:zlib';

/** Each chunk costs a turn of the event loop: in chunks of 16 KiB, the default, a file takes twice as long. */
const CHUNK_BYTES = 256 << 10;
/** What is inflated at once is mostly short, and each result keeps the whole of its last chunk in memory. */
const SHORT_CHUNK_BYTES = 4 << 10;

/** Makes a stream that inflates (RFC 1951). */
export function createInflation(): InflateRaw {
  return createInflateRaw({ chunkSize: CHUNK_BYTES });
}

export interface Inflated {
  bytes: Buffer;
  /** Bytes of the input, up to the end of the stream in it. */
  consumed: number;
}

/**
 * Inflates bytes at once, as far as they reach.
 * @throws {Error} ERR_BUFFER_TOO_LARGE for a longer result, and what zlib finds
 */
export function inflateAtOnce(packed: Buffer, maxOutputLength: number): Inflated {
  const options = { finishFlush: constants.Z_SYNC_FLUSH, chunkSize: SHORT_CHUNK_BYTES, maxOutputLength, info: true };
  const { buffer, engine } = inflateRawSync(packed, options) as unknown as WithInfo;
  return { bytes: buffer, consumed: engine.bytesWritten };
}

/** The result with the option `info`, which the types do not have. */
interface WithInfo {
  buffer: Buffer;
  engine: { bytesWritten: number };
}
