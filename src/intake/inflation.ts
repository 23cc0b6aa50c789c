import { createInflateRaw, type InflateRaw } from 'node:zlib';

/** Each chunk costs a turn of the event loop: in chunks of 16 KiB, the default, a file takes twice as long. */
const CHUNK_BYTES = 256 << 10;

/** Makes a stream that inflates (RFC 1951). */
export function createInflation(): InflateRaw {
  return createInflateRaw({ chunkSize: CHUNK_BYTES });
}
