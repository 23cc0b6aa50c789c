import Type from 'typebox';
import { invalidRequest, TaskError } from '../contract/errors.js';
import { MAX_NAME_BYTES } from '../contract/limits.js';
import { UploadStart } from '../contract/requests.js';
import { checkerOf } from '../http/validation.js';
import { isTableNameTaken } from '../tables/staging.js';
import { findByName, isNameFree, taskExists } from '../tasks/new-task.js';
import type { ApiContext } from './context.js';
import { checkNameLength } from './names.js';

const checkAll = checkerOf(UploadStart);
const checkSome = checkerOf(Type.Partial(UploadStart, { additionalProperties: false }));

/** Checks the fields of a start. @throws {TaskError} invalid_request */
export function checkFields(fields: unknown): UploadStart {
  return checkAll(fields) as UploadStart;
}

/** Checks the fields of a form that came so far, since none can be missed yet. @throws {TaskError} invalid_request */
export function checkFieldsSoFar(fields: unknown): Partial<UploadStart> {
  return checkSome(fields) as Partial<UploadStart>;
}

/** @throws {TaskError} task_exists, table_exists */
export async function refuseTaken(
  { pool }: ApiContext,
  { user_id, task_name, table }: Partial<UploadStart>,
): Promise<void> {
  if (user_id !== undefined && task_name !== undefined) {
    const key = { kind: 'upload', userId: user_id, taskName: task_name } as const;
    checkNameLength(key);
    const holder = await findByName(pool, key);
    if (!isNameFree(holder)) throw taskExists(key, holder);
  }
  if (table === undefined) return;
  if (Buffer.byteLength(table) > MAX_NAME_BYTES) {
    throw invalidRequest([
      { field: 'table', value: table, detail: `must be at most ${MAX_NAME_BYTES} bytes long in UTF-8` },
    ]);
  }
  if (await isTableNameTaken(pool, table)) {
    throw new TaskError('table_exists', `There is a table "${table}" already. Choose another name, or leave it out.`);
  }
}

/** The error of a start that sends a file and names another. */
export function fileAndId({ file_id }: UploadStart): TaskError {
  return invalidRequest([{ field: 'file_id', value: file_id, detail: 'must be left out where a file is sent' }]);
}

/** The error of a start that names a file which does not exist. */
export function noFinishedUpload({ file_id }: UploadStart): TaskError {
  return new TaskError(
    'file_not_found',
    `There is no finished upload "${file_id}". Send the file as multipart/form-data, in the part "file".`,
  );
}
