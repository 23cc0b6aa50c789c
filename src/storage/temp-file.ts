import type { Hash } from 'node:crypto';
import { type FileHandle, mkdir, open, rename, rm, rmdir, utimes } from 'node:fs/promises';
import path from 'node:path';
import { TaskError } from '../contract/errors.js';
import { failpoint } from '../failpoint.js';
import { tempPlace } from './store-path.js';

/** Far below the age at which the sweeper removes a file as the leftover of a killed writer. */
const TOUCH_MS = 60_000;

/**
 * Makes a file or folder under a temporary name and renames it once it is complete and on the disk. Then makes the name
 * durable, too (rename(2), fsync(2)). Leaves nothing when `make` throws.
 * @throws {TaskError} disk_full; any error of `make`
 */
export async function makeWhole<T>(root: string, target: string, make: (temp: string) => Promise<T>): Promise<T> {
  const temp = tempPlace(root, target);
  let place = temp;
  try {
    const made = await make(temp);
    await failpoint('store:before-rename');
    await move(temp, target);
    place = target;
    await syncFolders(root, path.dirname(target));
    await failpoint('store:after-rename');
    return made;
  } catch (error) {
    await rm(place, { recursive: true, force: true });
    await removeEmptyFolders(root, path.dirname(target));
    throw isFull(error) ? diskFull(error) : error;
  }
}

/**
 * Writes a file that appears whole.
 * @param hash is given the bytes on the way
 * @returns its size
 * @throws {TaskError} disk_full; any error of `write`
 */
export async function writeWhole(
  root: string,
  target: string,
  write: (file: TempFile) => Promise<void>,
  hash?: Hash,
): Promise<number> {
  return makeWhole(root, target, async (temp) => {
    const file = await TempFile.create(temp, hash);
    try {
      await keepingAlive(temp, async () => {
        await write(file);
        await failpoint('store:before-fsync');
        await file.sync();
      });
    } finally {
      await file.close();
    }
    return file.size;
  });
}

/** Touches the file regularly while `work` runs, so that the sweeper does not remove it as a leftover. */
export async function keepingAlive<T>(temp: string, work: () => Promise<T>): Promise<T> {
  const touch = () => {
    const now = new Date();
    utimes(temp, now, now).catch(() => {}); // Gone in between.
  };
  const touching = setInterval(touch, TOUCH_MS).unref();
  try {
    return await work();
  } finally {
    clearInterval(touching);
  }
}

/** Bytes between two flushes to the disk, so that the last flush is short. */
const FLUSH_BYTES = 16 << 20;

/** An unfinished object: takes bytes in order, counts them, and passes them to the hash. */
export class TempFile {
  #size = 0;
  #unflushed = 0;
  #flushing: Promise<void> = Promise.resolve();

  private constructor(
    readonly handle: FileHandle,
    readonly hash: Hash | undefined,
  ) {}

  static async create(file: string, hash?: Hash): Promise<TempFile> {
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
    return new TempFile(await open(file, 'wx', 0o600), hash);
  }

  get size(): number {
    return this.#size;
  }

  /** The buffers may be used again when it resolves. */
  async write(chunks: readonly Uint8Array[]): Promise<void> {
    const writing = this.#writeFully(chunks);
    // While the system writes on a thread of its own, this one hashes.
    if (this.hash) for (const chunk of chunks) this.hash.update(chunk);
    await writing;
    if (this.#unflushed >= FLUSH_BYTES) await this.#flushBehind();
  }

  /** Starts to flush what is written, once the flush before has ended: writing never runs far ahead of the disk. */
  async #flushBehind(): Promise<void> {
    this.#unflushed = 0;
    await this.#flushing;
    this.#flushing = this.handle.datasync();
    // The next await reports a failure. Until then the rejection must not count as unhandled.
    this.#flushing.catch(() => {});
  }

  async #writeFully(chunks: readonly Uint8Array[]): Promise<void> {
    let left = chunks;
    while (left.length > 0) {
      const { bytesWritten } = await this.handle.writev(left);
      this.#size += bytesWritten;
      this.#unflushed += bytesWritten;
      left = rest(left, bytesWritten);
    }
  }

  async sync(): Promise<void> {
    await this.#flushing;
    await this.handle.sync();
  }

  async close(): Promise<void> {
    await this.handle.close();
  }
}

// writev(2) may write less than it was given, at a full disk for example; the next call then says why.
function rest(chunks: readonly Uint8Array[], written: number): Uint8Array[] {
  let skip = written;
  return chunks.flatMap((chunk) => {
    const here = Math.min(skip, chunk.length);
    skip -= here;
    return here === chunk.length ? [] : [chunk.subarray(here)];
  });
}

/** How often a folder may be removed while an object moves into it. */
const MOVES = 20;
/** What mkdir and rename(2) then say. */
const REMOVED = new Set<unknown>(['ENOENT', 'ENOTDIR']);

async function move(temp: string, target: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await mkdir(path.dirname(target), { recursive: true, mode: 0o700 });
      return await rename(temp, target);
    } catch (error) {
      // Another writer removed the last other object of the folder, and the folder with it: before rename(2), or while
      // mkdir looked whether what is there is a folder.
      if (!REMOVED.has((error as NodeJS.ErrnoException).code) || attempt === MOVES) throw error;
    }
  }
}

/** Makes names durable: of the file in its folder, and of folders that may be new in theirs. */
async function syncFolders(root: string, folder: string): Promise<void> {
  await syncPlace(folder);
  if (folder !== root) await syncFolders(root, path.dirname(folder));
}

/** Flushes the written bytes of a file, or the names in a folder, to the disk. */
export async function syncPlace(place: string): Promise<void> {
  const handle = await open(place, 'r').catch(nullWhenGone);
  if (!handle) return;
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

// Another writer that failed has removed the folder, which was empty: then nothing of ours was in it.
function nullWhenGone(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}

/**
 * Removes a file or folder atomically: renames it first, so that no reader sees half of it and an active writer fails.
 * Does nothing when there is none.
 */
export async function discard(root: string, place: string): Promise<void> {
  const gone = tempPlace(root, place);
  await mkdir(path.dirname(gone), { recursive: true, mode: 0o700 });
  await rename(place, gone).catch(nullWhenGone);
  await rm(gone, { recursive: true, force: true });
}

/** Removes the folders that have become empty, from `folder` up to below `root`. */
export async function removeEmptyFolders(root: string, folder: string): Promise<void> {
  for (let dir = folder; dir !== root && dir.startsWith(root); dir = path.dirname(dir)) {
    const gone = await rmdir(dir).then(
      () => true,
      (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
    );
    if (!gone) return;
  }
}

function isFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '');
}

function diskFull(cause: unknown): TaskError {
  return new TaskError('disk_full', 'There is no space left for the file. Make room and try again.', {}, { cause });
}
