import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open, rename, rm, rmdir, utimes } from 'node:fs/promises';
import path from 'node:path';
import { TaskError } from '../contract/errors.js';
import { failpoint } from '../failpoint.js';
import type { Stored } from './store.js';
import { tempPlace } from './store-path.js';

/** Far below the age at which the sweeper takes a file for one that a killed writer has left. */
const TOUCH_MS = 60_000;

/**
 * Has a file or folder made beside all names and puts it under its own when it is whole and on the disk; then the name is made
 * durable, too (rename(2), fsync(2)). When `make` throws, nothing is left.
 * @throws {TaskError} disk_full; whatever `make` throws
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
 * @throws {TaskError} disk_full; whatever `write` throws
 */
export async function writeWhole(
  root: string,
  target: string,
  write: (file: TempFile) => Promise<void>,
): Promise<Stored> {
  return makeWhole(root, target, async (temp) => {
    const file = await TempFile.create(temp);
    try {
      await keepingAlive(temp, async () => {
        await write(file);
        await failpoint('store:before-fsync');
        await file.sync();
      });
    } finally {
      await file.close();
    }
    return file.stored();
  });
}

/** Says now and then that what `work` makes is alive, for whoever sweeps what killed writers left. */
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

/** After so many bytes the system is told to bring them to the disk, so that little is left to wait for at the end. */
const FLUSH_BYTES = 16 << 20;

/** An unfinished object: takes bytes in order and counts and hashes them on the way. */
export class TempFile {
  readonly #hash = createHash('sha256');
  #size = 0;
  #unflushed = 0;
  #flushing: Promise<void> = Promise.resolve();

  private constructor(readonly handle: FileHandle) {}

  static async create(file: string): Promise<TempFile> {
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
    return new TempFile(await open(file, 'wx', 0o600));
  }

  get size(): number {
    return this.#size;
  }

  /** The buffers may be used again when it resolves. */
  async write(chunks: readonly Uint8Array[]): Promise<void> {
    const writing = this.#writeFully(chunks);
    // While the system writes on a thread of its own, this one hashes.
    for (const chunk of chunks) this.#hash.update(chunk);
    await writing;
    if (this.#unflushed >= FLUSH_BYTES) await this.#flushBehind();
  }

  /** Starts to flush what is written, once the flush before has ended: writing never runs far ahead of the disk. */
  async #flushBehind(): Promise<void> {
    this.#unflushed = 0;
    await this.#flushing;
    this.#flushing = this.handle.datasync();
    // Whoever waits for it next is told; until then nobody may.
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

  /** Once, when everything is written. */
  stored(): Stored {
    return { size: this.#size, sha256: this.#hash.digest('hex') };
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

async function move(temp: string, target: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    await mkdir(path.dirname(target), { recursive: true, mode: 0o700 });
    try {
      return await rename(temp, target);
    } catch (error) {
      // Somebody removed the last other object of the folder, and the folder with it, since mkdir.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || attempt === 5) throw error;
    }
  }
}

/** Makes names durable: of the file in its folder, and of folders that may be new in theirs. */
async function syncFolders(root: string, folder: string): Promise<void> {
  await syncPlace(folder);
  if (folder !== root) await syncFolders(root, path.dirname(folder));
}

/** Brings to the disk what is written of a file, or the names in a folder. */
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
 * Removes a file or folder as one: it takes another name first, so that nobody sees half of it, and a writer that is still at it
 * fails. Nothing happens when there is none.
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
