import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import Type from 'typebox';
import type { Preview } from '../contract/answers.js';
import { invalidRequest } from '../contract/errors.js';
import { PreviewBody } from '../contract/requests.js';
import { readForm } from '../http/read-form.js';
import { receiveBody } from '../http/receive-body.js';
import { checkerOf } from '../http/validation.js';
import { fileOptionsOf } from '../intake/file-options.js';
import { throwFault } from '../intake/head-fault.js';
import { HEAD_BYTES } from '../intake/read-head.js';
import { fileAndId, noFinishedUpload } from './check-upload.js';
import type { ApiContext } from './context.js';
import { FILE_BODIES } from './file-bodies.js';
import { operation } from './openapi.js';

/** Rows that are shown, where the request does not say. */
const ROWS = 20;

/** POST /upload/preview */
export function previewRoutes(app: FastifyInstance, context: ApiContext): void {
  app.route({
    method: 'POST',
    url: '/upload/preview',
    schema: PREVIEW,
    // The fields are in the body, around the file or in the query: they are checked where they are found.
    validatorCompiler: () => () => true,
    handler: (request) => previewUpload(context, request),
  });
}

const PREVIEW = operation('previewUpload', {
  tag: 'Uploads',
  summary: 'Show how a CSV file would be loaded, by its first MiB',
  description:
    'The file is sent as to /upload/start, whole or not: the answer comes once its first MiB is there. With a longer ' +
    'file the fields of a form must come before it. Nothing is stored and it claims no name; dialect and columns of ' +
    'the answer may be sent to /upload/start.',
  body: PreviewBody,
  querystring: Type.Partial(PreviewBody, { additionalProperties: false }),
  consumes: FILE_BODIES,
  answers: { 200: 'Preview' },
});

const checkFields = checkerOf(PreviewBody);

async function previewUpload({ inspections, sampleFile }: ApiContext, request: FastifyRequest): Promise<Preview> {
  const { fields, head } = await receive(request, sampleFile);
  const { rows = ROWS, ...options } = checkFields(fields) as PreviewBody;
  if (options.file_id !== undefined) throw head.isSample ? noFinishedUpload(options) : fileAndId(options);
  const { preview, fault } = await inspections.heads.preview(head.bytes, head.isWhole, fileOptionsOf(options), rows);
  throwFault(fault);
  return preview!;
}

interface Beginning {
  bytes: Buffer;
  isWhole: boolean;
  isSample?: boolean;
}

interface Received {
  fields: unknown;
  head: Beginning;
}

async function receive(request: FastifyRequest, sampleFile: string): Promise<Received> {
  const { body } = request;
  if (!(body instanceof Readable) && !request.isMultipart())
    return { fields: body, head: { ...(await beginningOf(createReadStream(sampleFile))), isSample: true } };
  try {
    return await receiveBody(request, () =>
      body instanceof Readable ? receiveRaw(request.query, body) : receiveForm(request),
    );
  } catch (error) {
    if (error instanceof EnoughReceived) return error.received;
    throw error;
  }
}

/** Ends a body whose file is longer than what is looked at: the rest is discarded. */
class EnoughReceived {
  constructor(readonly received: Received) {}
}

async function receiveRaw(fields: unknown, body: Readable): Promise<Received> {
  const head = await beginningOf(body.iterator({ destroyOnReturn: false }));
  if (!head.isWhole) throw new EnoughReceived({ fields, head });
  return { fields, head };
}

async function receiveForm(request: FastifyRequest): Promise<Received> {
  let head: Beginning | undefined;
  const fields = await readForm(request, async ({ file }, before) => {
    head = await beginningOf(file);
    if (!head.isWhole) throw new EnoughReceived({ fields: before, head });
  });
  if (!head) throw invalidRequest([{ field: 'file', detail: 'is missing; it must be a part with a filename' }]);
  return { fields, head };
}

/** Reads what is looked at of a file. */
async function beginningOf(stream: AsyncIterable<Uint8Array>): Promise<Beginning> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > HEAD_BYTES) return { bytes: Buffer.concat(chunks).subarray(0, HEAD_BYTES), isWhole: false };
  }
  return { bytes: Buffer.concat(chunks), isWhole: true };
}
