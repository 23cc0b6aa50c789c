import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import { invalidRequest, TaskError } from '../contract/errors.js';
import { UploadStart } from '../contract/requests.js';
import { receiveBody } from '../http/receive-body.js';
import { receiveFile } from '../intake/receive-file.js';
import type { StoredFile } from '../intake/stored-file.js';
import { checkFields, fileAndId, noFinishedUpload, refuseTaken } from './check-upload.js';
import type { ApiContext } from './context.js';
import { idempotencyKey } from './idempotency.js';
import { receiveForm } from './receive-form.js';

const SAMPLE_NAME = 'sample_data.csv';

/** The checked fields and the file of a start request. The caller owns the file. */
export interface Received {
  body: UploadStart;
  file: StoredFile;
  /** What the task is named after. Never the name of a caller's file: a task's name goes through Temporal. */
  namedAfter: string;
}

/**
 * Receives the file of a start: from a multipart form, from a body that is the file itself, or the sample.
 * @throws {TaskError} invalid_request, task_exists, table_exists, file_too_large, not_a_text_file, …; nothing is then
 *   stored
 */
export function receiveUpload(request: FastifyRequest, context: ApiContext): Promise<Received> {
  return receiveBody(request, async () => {
    refuseTooLarge(request, context.config.MAX_UPLOAD_BYTES);
    if (isFile(request.body)) return receiveRaw(request, request.body, context);
    refuseQuery(request.query as object);
    if (!request.isMultipart()) return receiveSample(request, context);
    return { ...(await receiveForm(request, context)), namedAfter: 'upload' };
  });
}

/** A body that is the file itself; its parser passes the stream on. */
function isFile(body: unknown): body is Readable {
  return body instanceof Readable;
}

/** With a file as the body the fields are in the query. */
async function receiveRaw(request: FastifyRequest, body: Readable, context: ApiContext): Promise<Received> {
  const fields = checkFields(request.query);
  if (fields.file_id !== undefined) throw fileAndId(fields);
  if (idempotencyKey(request) === undefined) await refuseTaken(context, fields);
  // Ending the stream at a refusal would close the connection before the answer is sent.
  const stream = body.iterator({ destroyOnReturn: false });
  const file = await receiveFile(context, stream, { options: fields, maxBytes: context.config.MAX_UPLOAD_BYTES });
  return { body: fields, file, namedAfter: 'upload' };
}

async function receiveSample(request: FastifyRequest, context: ApiContext): Promise<Received> {
  const body = checkFields(request.body);
  if (body.file_id !== undefined) throw noFinishedUpload(body);
  if (idempotencyKey(request) === undefined) await refuseTaken(context, body);
  const stream = createReadStream(context.sampleFile);
  return {
    body,
    file: await receiveFile(context, stream, { filename: SAMPLE_NAME, options: body }),
    namedAfter: SAMPLE_NAME,
  };
}

function refuseTooLarge({ headers }: FastifyRequest, maxBytes: number): void {
  // The form around the file takes a little, too.
  if (Number(headers['content-length'] ?? 0) <= maxBytes + (1 << 20)) return;
  throw new TaskError('file_too_large', `The file is larger than ${maxBytes} bytes.`);
}

/** Refuses fields in the query, since ignoring them silently would surprise the caller. */
function refuseQuery(query: object): void {
  const misplaced = Object.keys(query).filter((name) => Object.hasOwn(UploadStart.properties, name));
  if (misplaced.length === 0) return;
  const detail = 'must be in the body; fields are in the query only where the body is the file (text/csv)';
  throw invalidRequest(misplaced.map((field) => ({ field, detail })));
}
