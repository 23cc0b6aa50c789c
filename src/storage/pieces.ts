import { createHash } from 'node:crypto';
import { copyFile, link, mkdir, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { failpoint } from '../failpoint.js';
import { nullWhenMissing, openFile } from './open-file.js';
import type { ConcatOptions, Stored, StoreFile } from './store.js';
import { piecesOf } from './store-path.js';
import { keepingAlive, makeWhole, syncPlace, TempFile } from './temp-file.js';

const READ_BYTES = 4 << 20;

/**
 * Makes an object of `head` and the files `parts`, in this order, that appears whole. It is kept in pieces, links to
 * its parts (link(2)): so its bytes are on the disk once, and whether a part is removed makes no difference to it.
 */
export async function joinPieces(
  root: string,
  target: string,
  head: Uint8Array | null,
  parts: readonly string[],
  { signal, onProgress }: ConcatOptions = {},
): Promise<Stored> {
  const buffers = [Buffer.allocUnsafeSlow(READ_BYTES), Buffer.allocUnsafeSlow(READ_BYTES)] as const;
  return makeWhole(root, piecesOf(target), async (folder) => {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return keepingAlive(folder, async () => {
      const hash = createHash('sha256');
      if (head) {
        await writePiece(pieceFile(folder, 0), head);
        hash.update(head);
      }
      let size = head?.length ?? 0;
      for (const [i, part] of parts.entries()) {
        await failpoint('assemble:mid-file');
        const file = await openFile(part);
        try {
          await linkPiece(part, pieceFile(folder, i + 1));
          await readThrough(file, buffers, (bytes) => {
            signal?.throwIfAborted();
            hash.update(bytes);
            size += bytes.length;
            onProgress?.(size);
          });
        } finally {
          await file.close();
        }
      }
      await failpoint('store:before-fsync');
      await syncPlace(folder);
      return { size, sha256: hash.digest('hex') };
    });
  });
}

function pieceFile(folder: string, index: number): string {
  return path.join(folder, String(index).padStart(8, '0'));
}

async function writePiece(file: string, bytes: Uint8Array): Promise<void> {
  const piece = await TempFile.create(file);
  try {
    await piece.write([bytes]);
    await piece.sync();
  } finally {
    await piece.close();
  }
}

/** Where a file system has no links, or no more of them for this file. */
const NO_LINK = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EXDEV']);

async function linkPiece(part: string, piece: string): Promise<void> {
  try {
    await link(part, piece);
  } catch (error) {
    if (!NO_LINK.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
    await copyFile(part, piece);
    await syncPlace(piece);
  }
}

/** Reads with two buffers in turn: one is filled while the other is used. */
async function readThrough(
  file: StoreFile,
  [first, second]: readonly [Buffer, Buffer],
  use: (bytes: Uint8Array) => void,
): Promise<void> {
  let [current, next] = [first, second];
  let reading = file.read(current, 0);
  try {
    let length = await reading;
    for (let position = length; length > 0; position += length) {
      reading = file.read(next, position);
      use(current.subarray(0, length));
      length = await reading;
      [current, next] = [next, current];
    }
  } finally {
    // It must have ended before the file and the buffers go.
    await reading.catch(() => {});
  }
}

interface Piece {
  file: string;
  /** Of its first byte in the object. */
  offset: number;
  size: number;
}

async function listPieces(target: string): Promise<Piece[] | null> {
  const folder = piecesOf(target);
  const names = await readdir(folder).catch(nullWhenMissing);
  if (!names) return null;
  const pieces: Piece[] = [];
  let offset = 0;
  for (const name of names.sort()) {
    const file = path.join(folder, name);
    const found = await stat(file).catch(nullWhenMissing);
    if (!found) return null; // Removed at this moment.
    pieces.push({ file, offset, size: found.size });
    offset += found.size;
  }
  return pieces;
}

/** What `stat` says of an object in pieces; null when there is none. */
export async function statPieces(target: string): Promise<{ size: number; mtimeMs: number } | null> {
  const pieces = await listPieces(target);
  if (!pieces) return null;
  const found = await stat(piecesOf(target)).catch(nullWhenMissing);
  return found && { size: sizeOf(pieces), mtimeMs: found.mtimeMs };
}

/** Opens an object in pieces, of which one at a time is held open; null when there is none. */
export async function openPieces(target: string): Promise<StoreFile | null> {
  const pieces = await listPieces(target);
  if (!pieces) return null;
  let at = 0;
  let opened: { at: number; file: StoreFile } | undefined;
  const pieceAt = async (): Promise<StoreFile> => {
    if (opened?.at === at) return opened.file;
    await opened?.file.close();
    opened = undefined;
    opened = { at, file: await openFile(pieces[at]!.file) };
    return opened.file;
  };
  return {
    size: sizeOf(pieces),
    read: async (buffer, position) => {
      while (at > 0 && pieces[at]!.offset > position) at--;
      let length = 0;
      for (; at < pieces.length; at++) {
        const from = position + length - pieces[at]!.offset;
        // The piece before became shorter since.
        if (from < 0) return length;
        if (from < pieces[at]!.size) length += await (await pieceAt()).read(buffer.subarray(length), from);
        if (length === buffer.length) return length;
      }
      at = Math.max(0, pieces.length - 1);
      return length;
    },
    close: async () => opened?.file.close(),
  };
}

function sizeOf(pieces: Piece[]): number {
  const last = pieces.at(-1);
  return last ? last.offset + last.size : 0;
}
