import { randomUUID } from 'node:crypto';
import path from 'node:path';

const SEGMENT = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/;

/** The suffix of the folder that holds an object in pieces, after the name of its file; it is in no key. */
export const PIECES = '~';
const PIECE = /~(\/[^/]+)?$/;

/** Where unfinished objects are written: in the same file system, so that a rename makes them whole at once. */
export const TEMP_FOLDER = 'tmp';

/**
 * The file of a key, always below `root`. Keys come from us, so a bad one is a fault in this program or in its
 * database.
 * @throws Error when the key is not one
 */
export function fileOfKey(root: string, key: string): string {
  const segments = key.split('/');
  if (
    segments.length < 2 ||
    segments[0] === TEMP_FOLDER ||
    key.length > 500 ||
    !segments.every((name) => SEGMENT.test(name))
  ) {
    throw new Error(`not a key of the file store: ${JSON.stringify(key)}`);
  }
  return path.join(root, ...segments);
}

/** Returns the key of the object that a file below the root belongs to; the file may be a segment or its folder. */
export function keyOf(relative: string): string {
  return relative.replaceAll(path.sep, '/').replace(PIECE, '');
}

/** The folder of a prefix, with or without `/` at its end; one segment is enough. */
export function folderOfPrefix(root: string, prefix: string): string {
  return path.dirname(fileOfKey(root, `${prefix.replace(/\/$/, '')}/any`));
}

/**
 * Returns the folder of a segmented object (pieces.ts), next to its key. It holds links to the files of its parts,
 * whose names sort in their order.
 */
export function piecesOf(file: string): string {
  return `${file}${PIECES}`;
}

/** Returns the prefix of the names of unfinished objects for a folder of the store; `~` is in no key. */
export function tempPrefix(root: string, folder: string): string {
  return `${path.relative(root, folder).replaceAll(path.sep, '.')}~`;
}

/** Returns a new temporary path, outside of all keys, for a file that moves to `target` or away from it. */
export function tempPlace(root: string, target: string): string {
  return path.join(root, TEMP_FOLDER, `${prefixFor(root, target)}${randomUUID()}`);
}

function prefixFor(root: string, target: string): string {
  const folder = path.dirname(target);
  if (folder !== path.join(root, TEMP_FOLDER)) return tempPrefix(root, folder);
  // An unfinished object that is moved away to be removed is still found as one of its folder: who moved it may be
  // killed before the end.
  const name = path.basename(target);
  return name.slice(0, name.indexOf('~') + 1);
}
