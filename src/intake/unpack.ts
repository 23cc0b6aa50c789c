import { TaskError } from '../contract/errors.js';
import type { Packing } from '../csv/file-type.js';
import type { Store } from '../storage/store.js';
import { gunzip } from './gunzip.js';
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
 * Unpacks a stored file as a stream: all members of a gzip file, or the one file of a ZIP archive. A chunk may be
 * empty.
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

function tooLarge(most: number): TaskError {
  const detail = `The file unpacks to more than ${most} bytes. Upload it unpacked, or in several files.`;
  return new TaskError('file_too_large', detail);
}
