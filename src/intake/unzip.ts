import { pipeline, type Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import { type Entry, fromRandomAccessReaderPromise, RandomAccessReader, type ZipFile } from 'yauzl';
import { isZippedFile } from '../csv/zip-entries.js';
import type { Store } from '../storage/store.js';
import { createInflation } from './inflation.js';
import { damaged, unreadableZip } from './unpack-head.js';

/** The methods in which the file may be packed (APPNOTE.TXT, 4.4.5): not at all, or deflated. */
const [STORED, DEFLATED] = [0, 8];

/**
 * Unpacks the one file of a stored archive as a stream; folders, and what macOS adds for itself, do not count.
 * @throws {TaskError} not_a_text_file
 */
export async function* unzip(store: Store, key: string, size: number): AsyncGenerator<Buffer> {
  let sum = 0;
  try {
    const archive = await fromRandomAccessReaderPromise(new StoredArchive(store, key), size, { autoClose: false });
    const entry = await onlyFileOf(archive);
    const packed = await archive.openReadStreamPromise(entry, { decodeFileData: false });
    const isStored = entry.compressionMethod === STORED;
    for await (const chunk of isStored ? packed : pipeline(packed, createInflation(), () => {})) {
      sum = crc32(chunk, sum);
      yield chunk;
    }
    if (sum !== entry.crc32) throw damaged('zip');
  } catch (error) {
    // What has no code says that the archive is not as it must be.
    if (error instanceof Error && !('code' in error)) throw damaged('zip', error);
    throw error;
  }
}

async function onlyFileOf(archive: ZipFile): Promise<Entry> {
  const files: Entry[] = [];
  for await (const entry of archive.eachEntry()) {
    if (isZippedFile(entry.fileName)) files.push(entry);
    if (files.length > 1) break;
  }
  const [one, another] = files;
  if (!one || another || one.isEncrypted() || ![STORED, DEFLATED].includes(one.compressionMethod))
    throw unreadableZip();
  return one;
}

/** An archive in the file store. */
class StoredArchive extends RandomAccessReader {
  constructor(
    readonly store: Store,
    readonly key: string,
  ) {
    super();
  }

  /** Reads up to `end`, which is not included. */
  override _readStreamForRange(start: number, end: number): Readable {
    return this.store.openRead(this.key, { start, end: end - 1 });
  }
}
