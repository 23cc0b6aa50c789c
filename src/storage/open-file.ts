import { type FileHandle, open } from 'node:fs/promises';
import { TaskError } from '../contract/errors.js';
import type { StoreFile } from './store.js';

/** @throws {TaskError} file_not_found */
export async function openFile(file: string): Promise<StoreFile> {
  const handle = await open(file, 'r').catch((error: unknown) => {
    throw isMissing(error) ? notFound(error) : error;
  });
  try {
    const { size } = await handle.stat();
    return { size, read: (buffer, position) => readFully(handle, buffer, position), close: () => handle.close() };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function readFully(handle: FileHandle, buffer: Uint8Array, position: number): Promise<number> {
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await handle.read(buffer, length, buffer.length - length, position + length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return length;
}

function notFound(cause: unknown): TaskError {
  return new TaskError('file_not_found', 'The file no longer exists.', {}, { cause });
}

function isMissing(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'EISDIR'].includes((error as NodeJS.ErrnoException).code ?? '');
}

export function nullWhenMissing(error: unknown): null {
  if (isMissing(error)) return null;
  throw error;
}
