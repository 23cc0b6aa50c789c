import { type FileHandle, open, readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { TaskError } from '../contract/errors.js';
import { failpoint } from '../failpoint.js';
import type { ConcatOptions, PutOptions, Store, Stored, StoreFile } from './store.js';
import { fileOfKey, folderOfPrefix, TEMP_FOLDER, tempPrefix } from './store-path.js';
import { removeEmptyFolders, type TempFile, writeWhole } from './temp-file.js';

const WRITE_BYTES = 1 << 20;
const READ_BYTES = 256 << 10;
const CONCAT_BYTES = 4 << 20;

/** A store in a folder of this machine. Several processes may use the same folder. */
export function createLocalStore(dir: string): Store {
  const root = path.resolve(dir);
  return {
    put: (key, source, options) => put(root, key, source, options),
    openRead: (key, range) => Readable.from(readRange(fileOfKey(root, key), range), { objectMode: false }),
    open: (key) => openStored(fileOfKey(root, key)),
    stat: (key) => statStored(fileOfKey(root, key)),
    remove: (key) => removeFile(root, fileOfKey(root, key)),
    removeAll: async (prefix) => {
      await removeUnfinished(root, prefix);
      await removeFile(root, folderOfPrefix(root, prefix));
    },
    removeUnfinished: (prefix) => removeUnfinished(root, prefix),
    list: (prefix) => list(root, folderOfPrefix(root, prefix)),
    concat: (key, head, keys, options) => concat(root, key, head, keys, options),
    sweepTemp: (olderThanMs) => sweepTemp(path.join(root, TEMP_FOLDER), olderThanMs),
  };
}

async function put(
  root: string,
  key: string,
  source: AsyncIterable<Uint8Array>,
  options: PutOptions = {},
): Promise<Stored> {
  const { maxBytes = Number.POSITIVE_INFINITY } = options;
  return writeWhole(root, fileOfKey(root, key), async (file) => {
    let pending: Uint8Array[] = [];
    let bytes = 0;
    let total = 0;
    let writing = Promise.resolve();
    for await (const chunk of source) {
      pending.push(chunk);
      bytes += chunk.length;
      total += chunk.length;
      if (total > maxBytes) throw new TaskError('file_too_large', `The file is larger than ${maxBytes} bytes.`);
      if (bytes < WRITE_BYTES) continue;
      // One write is under way while the source fills the next.
      await writing;
      writing = file.write(pending);
      writing.catch(() => {}); // Thrown by the await above or below; not at all when the source breaks off first.
      pending = [];
      bytes = 0;
    }
    await writing;
    await file.write(pending);
  });
}

async function concat(
  root: string,
  key: string,
  head: Uint8Array | null,
  keys: readonly string[],
  { signal, onProgress }: ConcatOptions = {},
): Promise<Stored> {
  const buffers = [Buffer.allocUnsafeSlow(CONCAT_BYTES), Buffer.allocUnsafeSlow(CONCAT_BYTES)] as const;
  return writeWhole(root, fileOfKey(root, key), async (file) => {
    if (head) await file.write([head]);
    for (const part of keys) {
      const source = await openStored(fileOfKey(root, part));
      try {
        await failpoint('assemble:mid-file');
        await append(source, file, buffers, () => {
          signal?.throwIfAborted();
          onProgress?.(file.size);
        });
      } finally {
        await source.close();
      }
    }
  });
}

/** Copies with two buffers in turn: one is read while the other is written and hashed. */
async function append(
  source: StoreFile,
  file: TempFile,
  [first, second]: readonly [Buffer, Buffer],
  onChunk: () => void,
): Promise<void> {
  let [current, next] = [first, second];
  let position = 0;
  let length = await source.read(current, position);
  while (length > 0) {
    onChunk();
    position += length;
    const reading = source.read(next, position);
    // Both must have ended before the buffers and the file go.
    const [written, read] = await Promise.allSettled([file.write([current.subarray(0, length)]), reading]);
    if (written.status === 'rejected') throw written.reason;
    if (read.status === 'rejected') throw read.reason;
    length = read.value;
    [current, next] = [next, current];
  }
}

async function* readRange(file: string, { start = 0, end = Number.POSITIVE_INFINITY } = {}): AsyncGenerator<Buffer> {
  const stored = await openStored(file);
  try {
    const stop = Math.min(end + 1, stored.size);
    for (let position = start; position < stop; ) {
      const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, stop - position));
      const length = await stored.read(buffer, position);
      if (length === 0) return;
      position += length;
      yield buffer.subarray(0, length);
    }
  } finally {
    await stored.close();
  }
}

async function openStored(file: string): Promise<StoreFile> {
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

async function statStored(file: string): Promise<{ size: number; mtimeMs: number } | null> {
  const found = await stat(file).catch(nullWhenMissing);
  return found?.isFile() ? { size: found.size, mtimeMs: found.mtimeMs } : null;
}

async function removeFile(root: string, file: string): Promise<void> {
  await rm(file, { recursive: true, force: true });
  await removeEmptyFolders(root, path.dirname(file));
}

async function removeUnfinished(root: string, prefix: string): Promise<void> {
  const folder = path.join(root, TEMP_FOLDER);
  const beginning = tempPrefix(root, folderOfPrefix(root, prefix));
  const names = (await readdir(folder).catch(nullWhenMissing)) ?? [];
  for (const name of names) if (name.startsWith(beginning)) await rm(path.join(folder, name), { force: true });
}

async function list(root: string, folder: string): Promise<string[]> {
  const entries = (await readdir(folder, { recursive: true, withFileTypes: true }).catch(nullWhenMissing)) ?? [];
  const files = entries.filter((entry) => entry.isFile());
  return files
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)).replaceAll(path.sep, '/'))
    .sort();
}

async function sweepTemp(folder: string, olderThanMs: number): Promise<number> {
  const oldest = Date.now() - olderThanMs;
  let swept = 0;
  for (const name of (await readdir(folder).catch(nullWhenMissing)) ?? []) {
    const file = path.join(folder, name);
    const found = await stat(file).catch(nullWhenMissing);
    if (!found || found.mtimeMs > oldest) continue;
    await rm(file, { force: true });
    swept++;
  }
  return swept;
}

function isMissing(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'EISDIR'].includes((error as NodeJS.ErrnoException).code ?? '');
}

function nullWhenMissing(error: unknown): null {
  if (isMissing(error)) return null;
  throw error;
}

function notFound(cause: unknown): TaskError {
  return new TaskError('file_not_found', 'The file is not in the file store (any more).', {}, { cause });
}
