import { newSourceKey } from '../storage/keys.js';
import type { Store } from '../storage/store.js';
import { checkColumnsEarly } from './check-head.js';
import { type FileOptions, fileOptionsOf } from './file-options.js';
import { checkFirstBytes } from './first-bytes.js';
import { throwFault } from './head-fault.js';
import { StoredFile } from './stored-file.js';
import type { StreamingInspections } from './streaming-inspection.js';

export interface FileToReceive {
  /** What the caller calls the file. */
  filename?: string;
  options: FileOptions;
  /** More bytes than this are refused. */
  maxBytes?: number;
}

/**
 * Checks the head of a file, stores the file, and inspects it while it arrives. The caller owns the stored file.
 * @throws {TaskError} file_too_large, disk_full, and what the checks find; the error of a stream that breaks off.
 *   Nothing is stored then.
 */
export async function receiveFile(
  { store, inspections }: { store: Store; inspections: StreamingInspections },
  stream: AsyncIterable<Uint8Array>,
  { filename = '', options: given, maxBytes }: FileToReceive,
): Promise<StoredFile> {
  const options = fileOptionsOf(given);
  const inspection = inspections.begin({ options });
  const checked = checkFirstBytes(stream, (head) => checkColumnsEarly(head, options));
  const watched = inspection.watch(checked, async (head, isWhole) =>
    throwFault(await inspections.heads.check(head, isWhole, options)),
  );
  const key = newSourceKey();
  const stored = await store.putHashed(key, watched, { maxBytes });
  const source = { key, filename: cleanFilename(filename), ...stored };
  return new StoredFile(store, source, { options, parts: await inspection.parts() });
}

/** Removes control characters and half surrogate pairs. The name is only shown to people, never a path. */
function cleanFilename(name: string): string {
  const clean = [...name.replace(/[\p{Cc}\p{Cs}]/gu, '')].slice(-200).join('');
  return clean || 'upload.csv';
}
