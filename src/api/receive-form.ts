import type { FastifyRequest } from 'fastify';
import { invalidRequest, type TaskError } from '../contract/errors.js';
import type { UploadStart } from '../contract/requests.js';
import { readForm } from '../http/read-form.js';
import { receiveFile } from '../intake/receive-file.js';
import type { StoredFile } from '../intake/stored-file.js';
import { checkFields, checkFieldsSoFar, fileAndId, noFinishedUpload, refuseTaken } from './check-upload.js';
import type { ApiContext } from './context.js';
import { idempotencyKey } from './idempotency.js';

/**
 * Reads a multipart form whose file part streams into the store, wherever in the form it stands. The caller owns the
 * file; when anything in the form is wrong, it is released here.
 * @throws {TaskError} invalid_request, file_too_large, not_a_text_file, …
 */
export async function receiveForm(
  request: FastifyRequest,
  context: ApiContext,
): Promise<{ body: UploadStart; file: StoredFile }> {
  let stored: StoredFile | undefined;
  try {
    const fields = await readForm(request, async ({ filename, file }, before) => {
      // Checks the fields before the file before it receives the file.
      const options = checkFieldsSoFar(before);
      if (idempotencyKey(request) === undefined) await refuseTaken(context, options);
      stored = await receiveFile(context, file, { filename, options, maxBytes: context.config.MAX_UPLOAD_BYTES });
    });
    if (!stored) throw noFile(fields);
    const body = checkFields(fields);
    if (body.file_id !== undefined) throw fileAndId(body);
    return { body, file: stored };
  } catch (error) {
    await stored?.release();
    throw error;
  }
}

/** Returns the error of a form without its file: loading the sample instead would surprise the caller. */
function noFile(fields: Record<string, unknown>): TaskError {
  if (fields.file_id !== undefined) return noFinishedUpload(checkFields(fields));
  const detail =
    'is missing; it must be a part with a filename. To load the sample, send the fields as JSON or urlencoded';
  return invalidRequest([{ field: 'file', detail }]);
}
