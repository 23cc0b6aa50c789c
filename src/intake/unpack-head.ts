import { TaskError } from '../contract/errors.js';
import type { Packing } from '../csv/file-type.js';
import { isZippedFile, zipEntries } from '../csv/zip-entries.js';
import { GZIP_TRAILER, gzipHeaderLength } from './gzip-header.js';
import { type Inflated, inflateAtOnce } from './inflation.js';

/** Of a packed file these bytes are looked at first: they mostly unpack to enough. */
const FIRST_BYTES = 1 << 16;
const MAX_OUTPUT = 64 << 20;
const [STORED, DEFLATED] = [0, 8];

/**
 * Unpacks the beginning of a packed file, as far as its bytes reach.
 * @param most bytes of the result
 * @throws {TaskError} not_a_text_file
 */
export function unpackHead(head: Buffer, packing: Packing, most: number): Buffer {
  if (packing === 'zip') return unzipHead(head, most);
  const members: Buffer[] = [];
  let length = 0;
  for (let at = 0; length < most; ) {
    const header = gzipHeaderLength(head.subarray(at));
    if (header === null) break;
    const { bytes, consumed } = inflate(head.subarray(at + header), packing, most - length);
    members.push(bytes);
    length += bytes.length;
    at += header + consumed + GZIP_TRAILER;
  }
  if (members.length === 0) throw damaged(packing);
  return Buffer.concat(members);
}

/** Inflates bytes as far as they reach. */
function inflate(packed: Buffer, packing: Packing, most: number): Inflated {
  const first = attempt(packed.subarray(0, FIRST_BYTES), packing);
  const isEnough = first.bytes.length >= most || first.consumed < FIRST_BYTES || packed.length <= FIRST_BYTES;
  const { bytes, consumed } = isEnough ? first : attempt(packed, packing, first);
  return { bytes: bytes.subarray(0, most), consumed };
}

/** @param enough is the result where the bytes unpack to more than is held in memory */
function attempt(packed: Buffer, packing: Packing, enough?: Inflated): Inflated {
  try {
    return inflateAtOnce(packed, MAX_OUTPUT);
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE' && enough) return enough;
    throw damaged(packing, error);
  }
}

/** Unpacks the beginning of the first file of an archive; whether it is the only one, its directory says. */
function unzipHead(head: Buffer, most: number): Buffer {
  for (const { name, method, isEncrypted, packed } of zipEntries(head)) {
    if (!isZippedFile(name)) continue;
    if (method === DEFLATED && !isEncrypted) return inflate(packed, 'zip', most).bytes;
    if (method === STORED && !isEncrypted) return packed.subarray(0, most);
    break;
  }
  throw unreadableZip();
}

/** Returns the error for an archive that is not one CSV file, packed as usual. */
export function unreadableZip(): TaskError {
  const detail = 'The ZIP archive must hold one CSV file, without a password. Unpack it and upload the file.';
  return new TaskError('not_a_text_file', detail);
}

/** Returns the error for a packed file that cannot be unpacked. */
export function damaged(packing: Packing, cause?: unknown): TaskError {
  const what = packing === 'zip' ? 'ZIP archive' : 'gzip file';
  const detail = `The ${what} is damaged. Pack it again, or upload it unpacked.`;
  return new TaskError('not_a_text_file', detail, {}, { cause });
}
