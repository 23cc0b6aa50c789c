import type { FastifyInstance, FastifyRequest } from 'fastify';
import { invalidRequest, TaskError } from '../contract/errors.js';
import { TaskRefBody } from '../contract/requests.js';
import { loadCorrections } from '../corrections/load-corrections.js';
import { type Correction, MAX_CORRECTION_BYTES, readCorrections } from '../corrections/read-corrections.js';
import { readForm } from '../http/read-form.js';
import { receiveBody } from '../http/receive-body.js';
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
        const { fields, corrections } = await receiveBody(request, () => receiveCorrections(request));
        request.body = fields as TaskRefBody; // Validated next.
        request.corrections = corrections;
      },
    },
    async ({ body, corrections }) => {
      const key = { kind: 'upload', userId: body.user_id, taskName: body.task_name } as const;
      return viewOf(context, await loadCorrections(context.tablePool, key, corrections!));
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

/** Reads a form with the file of corrected rows. @throws {TaskError} invalid_request, file_too_large, … */
async function receiveCorrections(
  request: FastifyRequest,
): Promise<{ fields: Record<string, unknown>; corrections: Correction[] }> {
  if (!request.isMultipart())
    throw new TaskError('unsupported_media_type', 'Send a multipart form with user_id, task_name and file.');
  let content: Buffer | undefined;
  const fields = await readForm(request, async ({ file }) => {
    content = await readFile(file);
  });
  if (!content) throw invalidRequest([{ field: 'file', detail: 'is missing; it must be the corrected rejects' }]);
  return { fields, corrections: await readCorrections(content) };
}

async function readFile(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.length;
    if (bytes > MAX_CORRECTION_BYTES)
      throw new TaskError(
        'file_too_large',
        `Corrected rows may take ${MAX_CORRECTION_BYTES} bytes at once. Send them in pieces.`,
      );
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
