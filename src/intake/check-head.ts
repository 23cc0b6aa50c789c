import { type FieldError, invalidRequest, type TaskError } from '../contract/errors.js';
import type { Source } from '../contract/task.js';
import { listNearest, MAX_LISTED } from '../csv/nearest-names.js';
import type { Store } from '../storage/store.js';
import type { FileOptions } from './file-options.js';
import { possibleHeaders } from './possible-headers.js';
import { headOf, readHead } from './read-head.js';

/**
 * Checks a file by its head, as the task would, and the columns that the request names by its header.
 * @param head the first `HEAD_BYTES` of the file, or all of it
 * @throws {TaskError} invalid_request, and what `readHead` finds
 */
export function checkHead(head: Buffer, isWhole: boolean, { dialect, columns }: FileOptions): void {
  const { headers } = readHead(head, isWhole, dialect);
  const missing = missingColumns(columns, headers);
  if (missing.length > 0) throw unknownColumns(missing, headers);
}

/**
 * Checks the columns that the request names as soon as the header has arrived.
 * @param head the first bytes of the file
 * @returns whether further bytes can add nothing
 * @throws {TaskError} invalid_request when a column is missing by every delimiter that the header may be read with
 */
export function checkColumnsEarly(head: Buffer, { dialect, columns }: FileOptions): boolean {
  if (columns === undefined) return true;
  const possible = possibleHeaders(head, dialect);
  if (!possible) return false;
  if (possible.every((headers) => missingColumns(columns, headers).length > 0))
    throw unknownColumns(missingColumns(columns, possible[0]!), possible[0]!);
  return true;
}

/** Checks a stored file. @throws {TaskError} as `checkHead` */
export async function checkStored(store: Store, { key }: Source, options: FileOptions): Promise<void> {
  const file = await store.open(key);
  try {
    const { bytes, isWhole } = await headOf(file);
    checkHead(bytes, isWhole, options);
  } finally {
    await file.close();
  }
}

function missingColumns(columns: FileOptions['columns'], headers: string[]): string[] {
  const known = new Set(headers);
  return Object.keys(columns ?? {}).filter((name) => !known.has(name));
}

function unknownColumns(missing: string[], headers: string[]): TaskError {
  const errors = missing.slice(0, MAX_LISTED).map((name): FieldError => {
    const detail = `is not a column of the file; the nearest of its ${headers.length} columns are ${listNearest(name, headers)}`;
    return { field: `columns.${name.slice(0, 100)}`, value: name.slice(0, 100), detail };
  });
  return invalidRequest(errors, { column: missing[0] });
}
