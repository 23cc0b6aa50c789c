import { createHash } from 'node:crypto';
import { TaskError } from '../contract/errors.js';
import type { Dialect, Source } from '../contract/task.js';
import type { Store, StoreFile } from '../storage/store.js';
import type { UploadPart } from '../tasks/checkpoints.js';
import { asUpload, type TaskRow } from '../tasks/tasks.js';

/**
 * Runs `body` with the stored source of an upload.
 * @throws {TaskError} source_changed when it is gone or has another size than when it was stored
 */
export async function withSource<T>(
  store: Store,
  source: Pick<Source, 'key' | 'size'>,
  body: (file: StoreFile) => Promise<T>,
): Promise<T> {
  const file = await openSource(store, source);
  try {
    return await body(file);
  } finally {
    await file.close();
  }
}

/** Runs `body` with the text that the engine reads: the uploaded file, or what it was converted to. */
export function withText<T>(store: Store, task: TaskRow, body: (file: StoreFile) => Promise<T>): Promise<T> {
  const { converted, source } = asUpload(task);
  return withSource(store, converted ?? source, body);
}

/** Returns how the engine reads the text of an upload. */
export function textDialect(task: TaskRow): Dialect {
  const { converted, dialect } = asUpload(task);
  if (converted) return converted.dialect;
  const { bom, delimiter, newline } = dialect!;
  return { encoding: 'utf-8', bom, delimiter, quote: '"', newline: newline as Dialect['newline'], header: true };
}

async function openSource(store: Store, source: Pick<Source, 'key' | 'size'>): Promise<StoreFile> {
  const file = await store.open(source.key).catch((error: unknown) => {
    if (error instanceof TaskError && error.code === 'file_not_found') {
      throw new TaskError(
        'source_changed',
        'The source file is gone from the file store. Start a new upload.',
        {},
        { cause: error },
      );
    }
    throw error;
  });
  if (file.size !== source.size) {
    await file.close();
    throw new TaskError(
      'source_changed',
      `The source file had ${source.size} bytes and now has ${file.size}. Start a new upload.`,
    );
  }
  return file;
}

/**
 * Proves that a part's bytes are the ones that were inspected, before any of them is used.
 * @throws {TaskError} source_changed
 */
export async function checkPart(file: StoreFile, part: UploadPart, buffer: Buffer, signal: AbortSignal): Promise<void> {
  const hash = createHash('sha256');
  for (let position = part.byteFrom; position < part.byteTo; ) {
    signal.throwIfAborted();
    const length = await file.read(buffer.subarray(0, part.byteTo - position), position);
    if (length === 0) break;
    hash.update(buffer.subarray(0, length));
    position += length;
  }
  if (hash.digest('hex') === part.sha256) return;
  throw new TaskError(
    'source_changed',
    `The source file changed after it was inspected (bytes ${part.byteFrom} to ${part.byteTo}). Start a new upload.`,
  );
}
