import { createHash, type Hash } from 'node:crypto';
import { readdir, rm, rmdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { TaskError } from '../contract/errors.js';
import { nullWhenMissing, openFile } from './open-file.js';
import { joinPieces, openPieces, statPieces } from './pieces.js';
import type { PutOptions, Store, StoreFile } from './store.js';
import { fileOfKey, folderOfPrefix, keyOf, PIECES, piecesOf, TEMP_FOLDER, tempPrefix } from './store-path.js';
import { discard, removeEmptyFolders, type TempFile, writeWhole } from './temp-file.js';

const WRITE_BYTES = 1 << 20;
const READ_BYTES = 256 << 10;

/** A store in a folder of this machine. Several processes may use the same folder. */
export function createLocalStore(dir: string): Store {
  const root = path.resolve(dir);
  const put = (file: string, source: AsyncIterable<Uint8Array>, options?: PutOptions, hash?: Hash) =>
    writeWhole(root, file, (temp) => fill(temp, source, options), hash);
  return {
    put: async (key, source, options) => ({ size: await put(fileOfKey(root, key), source, options) }),
    putHashed: async (key, source, options) => {
      const hash = createHash('sha256');
      const size = await put(fileOfKey(root, key), source, options, hash);
      return { size, sha256: hash.digest('hex') };
    },
    openRead: (key, range) => Readable.from(readRange(fileOfKey(root, key), range), { objectMode: false }),
    open: (key) => openStored(fileOfKey(root, key)),
    stat: (key) => statStored(fileOfKey(root, key)),
    remove: (key) => removeObject(root, fileOfKey(root, key)),
    removeAll: (prefix) => removeAll(root, prefix),
    removeUnfinished: (prefix) => removeUnfinished(root, prefix),
    list: (prefix) => list(root, folderOfPrefix(root, prefix)),
    concat: (key, head, keys, options) => {
      const parts = keys.map((part) => fileOfKey(root, part));
      return joinPieces(root, fileOfKey(root, key), head, parts, options);
    },
    sweepTemp: (olderThanMs) => sweepTemp(root, olderThanMs),
  };
}

async function fill(
  file: TempFile,
  source: AsyncIterable<Uint8Array>,
  { maxBytes = Number.POSITIVE_INFINITY }: PutOptions = {},
): Promise<void> {
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

/** @throws {TaskError} file_not_found */
async function openStored(file: string): Promise<StoreFile> {
  try {
    return await openFile(file);
  } catch (error) {
    // Results of several parts are in pieces; every other object is a file.
    const pieces = await openPieces(file);
    if (pieces) return pieces;
    throw error;
  }
}

async function statStored(file: string): Promise<{ size: number; mtimeMs: number } | null> {
  const found = await stat(file).catch(nullWhenMissing);
  return found?.isFile() ? { size: found.size, mtimeMs: found.mtimeMs } : statPieces(file);
}

async function removeObject(root: string, file: string): Promise<void> {
  await rm(file, { force: true });
  if (await stat(piecesOf(file)).catch(nullWhenMissing)) await discard(root, piecesOf(file));
  await removeEmptyFolders(root, path.dirname(file));
}

async function removeAll(root: string, prefix: string): Promise<void> {
  const folder = folderOfPrefix(root, prefix);
  await removeUnfinished(root, prefix);
  await rm(folder, { recursive: true, force: true });
  await removeEmptyFolders(root, path.dirname(folder));
}

async function removeUnfinished(root: string, prefix: string): Promise<void> {
  const folder = path.join(root, TEMP_FOLDER);
  const beginning = tempPrefix(root, folderOfPrefix(root, prefix));
  const names = (await readdir(folder).catch(nullWhenMissing)) ?? [];
  for (const name of names) if (name.startsWith(beginning)) await discard(root, path.join(folder, name));
}

async function list(root: string, folder: string): Promise<string[]> {
  const keys: string[] = [];
  // A folder that vanishes meanwhile counts as empty.
  for (const entry of (await readdir(folder, { withFileTypes: true }).catch(nullWhenMissing)) ?? []) {
    const place = path.join(folder, entry.name);
    const isPieces = entry.name.endsWith(PIECES);
    if (entry.isDirectory() && !isPieces) keys.push(...(await list(root, place)));
    else if (entry.isFile() || isPieces) keys.push(keyOf(path.relative(root, place)));
  }
  return keys.sort();
}

async function sweepTemp(root: string, olderThanMs: number): Promise<number> {
  const folder = path.join(root, TEMP_FOLDER);
  const oldest = Date.now() - olderThanMs;
  let swept = 0;
  for (const name of (await readdir(folder).catch(nullWhenMissing)) ?? []) {
    const place = path.join(folder, name);
    const found = await stat(place).catch(nullWhenMissing);
    if (!found || found.mtimeMs > oldest) continue;
    await discard(root, place);
    swept++;
  }
  await sweepFolders(root, root, oldest);
  return swept;
}

/**
 * Removes empty folders that a killed writer made, or that it left when it was killed while it removed their objects.
 */
async function sweepFolders(root: string, folder: string, oldest: number): Promise<void> {
  for (const entry of (await readdir(folder, { withFileTypes: true }).catch(nullWhenMissing)) ?? []) {
    const place = path.join(folder, entry.name);
    if (!entry.isDirectory() || place === path.join(root, TEMP_FOLDER)) continue;
    const found = await stat(place).catch(nullWhenMissing);
    await sweepFolders(root, place, oldest);
    // rmdir(2) refuses to remove a folder that is not empty.
    if (found && found.mtimeMs <= oldest) await rmdir(place).catch(() => {});
  }
}
