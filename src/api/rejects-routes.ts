import type { FastifyInstance, FastifyRequest } from 'fastify';
import { invalidRequest, TaskError } from '../contract/errors.js';
import { TaskRefBody } from '../contract/requests.js';
import { loadCorrections } from '../corrections/load-corrections.js';
import { type Correction, MOST_CORRECTION_BYTES, readCorrections } from '../corrections/read-corrections.js';
import type { ApiContext } from './context.js';
import { operation } from './openapi.js';
import { viewOf } from './read-task.js';

declare module 'fastify' {
  interface FastifyRequest {
    corrections?: Correction[];
  }
}

/** POST /upload/rejects */
export function rejectsRoutes(app: FastifyInstance, context: ApiContext): void {
  app.post<{ Body: TaskRefBody }>(
    '/upload/rejects',
    {
      schema: CORRECT,
      preValidation: async (request) => {
        const { fields, file } = await receiveForm(request);
        if (!file) throw invalidRequest([{ field: 'file', detail: 'is missing; it must be the corrected rejects' }]);
        request.body = fields as TaskRefBody; // Validated next.
        request.corrections = readCorrections(file);
      },
    },
    async ({ body, corrections }) => {
      const key = { kind: 'upload', userId: body.user_id, taskName: body.task_name } as const;
      return viewOf(context, await loadCorrections(context.pool, key, corrections!));
    },
  );
}

const CORRECT = operation('correctRejects', {
  tag: 'Uploads',
  summary: 'Load rejected rows that were corrected into the table of their upload',
  body: TaskRefBody,
  consumes: ['multipart/form-data'],
  answers: { 200: 'Task' },
});

/** Reads a small form with one file. @throws {TaskError} invalid_request, file_too_large, unsupported_media_type */
async function receiveForm(request: FastifyRequest): Promise<{ fields: Record<string, unknown>; file?: Buffer }> {
  if (!request.isMultipart())
    throw new TaskError('unsupported_media_type', 'Send a multipart form with user_id, task_name and file.');
  const fields: Record<string, unknown> = {};
  let file: Buffer | undefined;
  for await (const part of request.parts()) {
    if (part.type === 'field') fields[part.fieldname] = part.value;
    else file = await readFile(part.file);
  }
  return { fields, file };
}

async function readFile(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.length;
    if (bytes > MOST_CORRECTION_BYTES)
      throw new TaskError(
        'file_too_large',
        `Corrected rows may take ${MOST_CORRECTION_BYTES} bytes at once. Send them in pieces.`,
      );
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
