import type { FastifyInstance, FastifyRequest } from 'fastify';
import Type from 'typebox';
import { UploadStart } from '../contract/requests.js';
import { createUpload } from '../intake/create-upload.js';
import { findByIdempotencyKey } from '../tasks/new-task.js';
import type { TaskRow } from '../tasks/tasks.js';
import { tryDispatch } from '../temporal/dispatch.js';
import { refuseTaken } from './check-upload.js';
import type { ApiContext } from './context.js';
import { FILE_BODIES } from './file-bodies.js';
import { readIdempotency } from './idempotency.js';
import { checkNameLength, generateTaskName } from './names.js';
import { operation } from './openapi.js';
import { locationOf, viewOf } from './read-task.js';
import { type Received, receiveUpload } from './receive-upload.js';

/** POST /upload/start */
export function uploadRoutes(app: FastifyInstance, context: ApiContext): void {
  const underway = new Set<Promise<unknown>>();
  // A stop waits until uploads have ended or, broken off, have cleaned up.
  app.addHook('onClose', () => Promise.allSettled(underway).then(() => {}));

  app.route({
    method: 'POST',
    url: '/upload/start',
    schema: START,
    // The fields are in the body, around the file or in the query: they are checked where they are found.
    validatorCompiler: () => () => true,
    handler: async (request, reply) => {
      const starting = startUpload(context, request);
      underway.add(starting);
      const row = await starting.finally(() => underway.delete(starting));
      return reply
        .code(202)
        .header('location', locationOf(row))
        .send(await viewOf(context, row));
    },
  });
}

const START = operation('startUpload', {
  tag: 'Uploads',
  summary: 'Start the load of a CSV file',
  description:
    'The file is the part "file" of a form, or the body itself (text/csv); then the fields are in the query. ' +
    'A start without a file loads the sample.',
  body: UploadStart,
  querystring: Type.Partial(UploadStart, { additionalProperties: false }),
  consumes: FILE_BODIES,
  answers: { 202: 'Task' },
});

async function startUpload(context: ApiContext, request: FastifyRequest): Promise<TaskRow> {
  const received = await receiveUpload(request, context);
  try {
    const { row, created } = await findOrCreate(context, request, received);
    if (created) await tryDispatch(context, row);
    return row;
  } finally {
    await received.file.release();
  }
}

async function findOrCreate(
  context: ApiContext,
  request: FastifyRequest,
  { body, file, namedAfter }: Received,
): Promise<{ row: TaskRow; created: boolean }> {
  const owner = { kind: 'upload', userId: body.user_id } as const;
  const idempotency = readIdempotency(request, body, file.source.sha256);
  // A request that is repeated finds its own task and table in its way, so it is recognised first.
  const row = idempotency && (await findByIdempotencyKey(context.pool, owner, idempotency));
  if (row) return { row, created: false };
  await refuseTaken(context, { table: body.table });
  const taskName = body.task_name ?? generateTaskName(namedAfter);
  checkNameLength({ ...owner, taskName });
  return createUpload(context, { taskName, fields: body, idempotency }, file);
}
