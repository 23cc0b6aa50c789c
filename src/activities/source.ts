import { TaskError } from '../contract/errors.js';
import type { Source } from '../contract/task.js';
import type { Store, StoreFile } from '../storage/store.js';

/**
 * Opens the stored source of an upload.
 * @throws {TaskError} source_changed when it is gone or has another size than when it was stored
 */
export async function openSource(store: Store, source: Source): Promise<StoreFile> {
  const file = await store.open(source.key).catch((error: unknown) => {
    if (error instanceof TaskError && error.code === 'file_not_found') {
      throw new TaskError('source_changed', 'The source file is gone from the file store. Start a new upload.', {}, { cause: error });
    }
    throw error;
  });
  if (file.size !== source.size) {
    await file.close();
    throw new TaskError('source_changed', `The source file had ${source.size} bytes and now has ${file.size}. Start a new upload.`);
  }
  return file;
}
