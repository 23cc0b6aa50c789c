import { Readable } from 'node:stream';
import { createGunzip, createInflateRaw } from 'node:zlib';
import { TaskError } from '../contract/errors.js';
import type { Packing } from '../csv/file-type.js';
import type { Store } from '../storage/store.js';
import { damaged } from './unpack-head.js';
import { findZipEntry } from './zip-entry.js';

/** A packed file may unpack to so many times its bytes, and always to this many. */
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
  const { key, size, packing } = packed;
  const most = Math.min(packed.maxBytes, Math.max(size * MAX_RATIO, ALWAYS_ALLOWED));
  const entry = packing === 'zip' ? await findZipEntry(store, key) : undefined;
  const input = store.openRead(key, entry);
  const inflate = entry ? createInflateRaw() : createGunzip();
  input.on('error', (error) => inflate.destroy(error));
  let total = 0;
  try {
    for await (const chunk of input.pipe(inflate) as Readable) {
      total += chunk.length;
      if (total > most) throw tooLarge(most);
      yield chunk;
    }
  } catch (error) {
    if ((error as { code?: string }).code?.startsWith('Z_')) throw damaged(packing, error);
    throw error;
  } finally {
    input.destroy();
    inflate.destroy();
  }
  if (entry && total !== entry.size) throw damaged(packing);
}

function tooLarge(most: number): TaskError {
  const detail = `The file unpacks to more than ${most} bytes. Upload it unpacked, or in several files.`;
  return new TaskError('file_too_large', detail);
}
