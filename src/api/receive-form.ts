import type { Multipart, MultipartFile } from '@fastify/multipart';
import type { FastifyRequest } from 'fastify';
import { invalidRequest, TaskError } from '../contract/errors.js';
import type { UploadStart } from '../contract/requests.js';
import { typedFields } from '../http/form-fields.js';
import { watchForSkippedParts } from '../http/skipped-parts.js';
import { receiveFile } from '../intake/receive-file.js';
import type { StoredFile } from '../intake/stored-file.js';
import { checkFields, checkFieldsSoFar, fileAndId, noFinishedUpload, refuseTaken } from './check-upload.js';
import type { ApiContext } from './context.js';
import { idempotencyKey } from './idempotency.js';

type Fields = Record<string, unknown>;

/**
 * Reads a multipart form whose file part streams into the store, wherever in the form it stands. The caller owns the
 * file; when anything in the form is wrong, it is released here.
 * @throws {TaskError} invalid_request, file_too_large, not_a_text_file, …
 */
export async function receiveForm(
  request: FastifyRequest,
  context: ApiContext,
): Promise<{ body: UploadStart; file: StoredFile }> {
  const fields: Fields = {};
  let file: StoredFile | null = null;
  const refuseSkipped = watchForSkippedParts(request);
  let parts = 0;
  try {
    for await (const part of request.parts()) {
      parts++;
      // RFC 7578, 4.2: every part has one.
      if (part.fieldname === undefined) throw invalidRequest([{ field: '', detail: 'is a part without a name' }]);
      if (part.type === 'field') addField(fields, part);
      else file = await receivePart(part, file, fields, request, context);
    }
    refuseSkipped(parts);
    if (!file) throw noFile(fields);
    const body = checkFields(fields);
    if (body.file_id !== undefined) throw fileAndId(body);
    return { body, file };
  } catch (error) {
    await file?.release();
    throw isMalformed(error) ? brokenOff(error) : error;
  }
}

function addField(
  fields: Fields,
  { fieldname, value, valueTruncated, fieldnameTruncated }: Exclude<Multipart, MultipartFile>,
): void {
  if (fieldname === 'file')
    throw invalidRequest([{ field: 'file', detail: 'must be a file part: give it a filename' }]);
  if (Object.hasOwn(fields, fieldname)) throw invalidRequest([{ field: fieldname, detail: 'is given twice' }]);
  if (valueTruncated || fieldnameTruncated)
    throw invalidRequest([{ field: fieldname.slice(0, 100), detail: 'is too long' }]);
  Object.assign(fields, typedFields({ [fieldname]: value }));
}

async function receivePart(
  { fieldname, filename, file }: MultipartFile,
  earlier: StoredFile | null,
  fields: Fields,
  request: FastifyRequest,
  context: ApiContext,
): Promise<StoredFile> {
  try {
    if (fieldname !== 'file')
      throw invalidRequest([
        { field: fieldname.slice(0, 100), detail: 'is not known here; the file is sent as "file"' },
      ]);
    if (earlier) throw invalidRequest([{ field: 'file', detail: 'is given twice' }]);
    if (!filename.trim())
      throw invalidRequest([{ field: 'file', detail: 'has an empty filename; choose a file, or give it a filename' }]);
    // Checks the fields before the file before it receives the file.
    const options = checkFieldsSoFar(fields);
    if (idempotencyKey(request) === undefined) await refuseTaken(context, options);
    return await receiveFile(context, file, { filename, options, maxBytes: context.config.MAX_UPLOAD_BYTES });
  } catch (error) {
    file.destroy();
    throw error;
  }
}

/** The file that a form was made for was forgotten: the sample in its place would be a surprise. */
function noFile(fields: Fields): TaskError {
  if (fields.file_id !== undefined) return noFinishedUpload(checkFields(fields));
  const detail =
    'is missing; it must be a part with a filename. To load the sample, send the fields as JSON or urlencoded';
  return invalidRequest([{ field: 'file', detail }]);
}

// The parser throws plain errors: without a code, and with these words.
function isMalformed(error: unknown): boolean {
  const { code, message } = error as { code?: string; message: string };
  return code === undefined && /multipart|boundary|terminated early|malformed/i.test(message);
}

function brokenOff(cause: unknown): TaskError {
  return new TaskError(
    'invalid_request',
    'The form ends too early or is not well formed. Nothing was stored.',
    {},
    { cause },
  );
}
