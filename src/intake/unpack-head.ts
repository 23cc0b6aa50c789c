import { constants, gunzipSync, inflateRawSync } from 'node:zlib';
import { TaskError } from '../contract/errors.js';
import type { Packing } from '../csv/file-type.js';

/** Of a packed file these bytes are looked at first: they mostly unpack to enough. */
const FIRST_BYTES = 1 << 16;
const MAX_OUTPUT = 64 << 20;
/** Of the header of a file in a ZIP archive (APPNOTE.TXT, 4.3.7), before the name. */
const ZIP_HEADER = 30;
const DEFLATED = 8;

/**
 * Unpacks the beginning of a packed file, as far as its bytes reach.
 * @param most bytes of the result
 * @throws {TaskError} not_a_text_file
 */
export function unpackHead(head: Buffer, packing: Packing, most: number): Buffer {
  const bytes = packing === 'zip' ? zippedBytes(head) : head;
  const unpack = packing === 'zip' ? inflateRawSync : gunzipSync;
  const first = attempt(unpack, bytes.subarray(0, FIRST_BYTES), packing);
  if (first.length >= most || bytes.length <= FIRST_BYTES) return first.subarray(0, most);
  return attempt(unpack, bytes, packing, first).subarray(0, most);
}

type Unpack = typeof gunzipSync;

/** @param enough is the result where the bytes unpack to more than is held in memory */
function attempt(unpack: Unpack, bytes: Buffer, packing: Packing, enough?: Buffer): Buffer {
  try {
    return unpack(bytes, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: MAX_OUTPUT });
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE' && enough) return enough;
    throw damaged(packing, error);
  }
}

/** The packed bytes of the first file of an archive. */
function zippedBytes(head: Buffer): Buffer {
  if (head.length < ZIP_HEADER) throw damaged('zip');
  const method = head.readUInt16LE(8);
  const isEncrypted = (head.readUInt16LE(6) & 1) === 1;
  if (method !== DEFLATED || isEncrypted) throw unreadableZip();
  return head.subarray(ZIP_HEADER + head.readUInt16LE(26) + head.readUInt16LE(28));
}

/** Returns the error for an archive that is not one CSV file, packed as usual. */
export function unreadableZip(): TaskError {
  const detail = 'The ZIP archive must hold one CSV file, deflated and without a password. Unpack it and upload the file.';
  return new TaskError('not_a_text_file', detail);
}

/** Returns the error for a packed file that cannot be unpacked. */
export function damaged(packing: Packing, cause?: unknown): TaskError {
  const what = packing === 'zip' ? 'ZIP archive' : 'gzip file';
  const detail = `The ${what} is damaged. Pack it again, or upload it unpacked.`;
  return new TaskError('not_a_text_file', detail, {}, { cause });
}
