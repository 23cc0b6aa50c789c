import type { Multipart, MultipartFile } from '@fastify/multipart';
import type { FastifyRequest } from 'fastify';
import { invalidRequest, TaskError } from '../contract/errors.js';
import { typedFields } from './form-fields.js';
import { watchForSkippedParts } from './skipped-parts.js';

type Fields = Record<string, unknown>;

/**
 * Reads a multipart form of text fields and at most one file part, `file`, wherever in the form it stands.
 * @param receive reads the file; is given the fields before it. What it throws ends the form.
 * @returns the fields, with the types that they have in JSON; they are not checked yet
 * @throws {TaskError} invalid_request, and what `receive` throws
 */
export async function readForm(
  request: FastifyRequest,
  receive: (part: MultipartFile, before: Fields) => Promise<void>,
): Promise<Fields> {
  const fields: Fields = {};
  const refuseSkipped = watchForSkippedParts(request);
  let parts = 0;
  let hasFile = false;
  try {
    for await (const part of request.parts()) {
      parts++;
      // RFC 7578, 4.2: every part has one.
      if (part.fieldname === undefined) throw invalidRequest([{ field: '', detail: 'is a part without a name' }]);
      if (part.type === 'field') addField(fields, part);
      else {
        await receivePart(part, hasFile, fields, receive);
        hasFile = true;
      }
    }
    refuseSkipped(parts);
    return fields;
  } catch (error) {
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
  part: MultipartFile,
  hasFile: boolean,
  fields: Fields,
  receive: (part: MultipartFile, before: Fields) => Promise<void>,
): Promise<void> {
  const { fieldname, filename, file } = part;
  try {
    if (fieldname !== 'file')
      throw invalidRequest([
        { field: fieldname.slice(0, 100), detail: 'is not a known field; send the file as "file"' },
      ]);
    if (hasFile) throw invalidRequest([{ field: 'file', detail: 'is given twice' }]);
    if (!filename.trim())
      throw invalidRequest([{ field: 'file', detail: 'has an empty filename; choose a file, or give it a filename' }]);
    await receive(part, fields);
  } catch (error) {
    file.destroy();
    throw error;
  }
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
