import { createReadStream } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import Type from 'typebox';
import { TaskError } from '../contract/errors.js';
import { UploadStart } from '../contract/requests.js';
import type { Source, UploadOptions } from '../contract/task.js';
import { checkerOf, invalidRequest } from '../http/validation.js';
import { checkStored, type FileOptions } from '../intake/check-head.js';
import { withTransaction } from '../postgres/pool.js';
import { isUnavailable } from '../postgres/sqlstate.js';
import { newSourceKey } from '../storage/keys.js';
import { isTableNameTaken } from '../tables/staging.js';
import { storePart } from '../tasks/checkpoints.js';
import {
  createTask,
  findByIdempotencyKey,
  findByName,
  isNameFree,
  type NewTask,
  taskExists,
} from '../tasks/new-task.js';
import { tryDispatch } from '../temporal/dispatch.js';
import type { ApiContext } from './context.js';
import { idempotencyKey, readIdempotency } from './idempotency.js';
import { checkNameLength, generateTaskName } from './names.js';
import { operation } from './openapi.js';
import { locationOf, viewOf } from './read-task.js';
import { type Inspected, receiveUpload } from './receive-upload.js';

const SAMPLE_NAME = 'sample_data.csv';

/** Fields that stand before the file are checked before it is taken; those behind it cannot be missed yet. */
const checkPartly = checkerOf(Type.Partial(UploadStart, { additionalProperties: false }));

/** POST /upload/start */
export function uploadRoutes(app: FastifyInstance, context: ApiContext): void {
  const underway = new Set<Promise<unknown>>();
  // A stop waits until uploads have ended or, broken off, have cleaned up.
  app.addHook('onClose', () => Promise.allSettled(underway).then(() => {}));

  app.route<{ Body: UploadStart }>({
    method: 'POST',
    url: '/upload/start',
    schema: START,
    preValidation: async (request) => {
      if (!request.isMultipart()) return;
      refuseTooLarge(request, context.config.MAX_UPLOAD_BYTES);
      const receiving = receiveUpload(request, context, async (fields) => {
        const known = checkPartly(fields) as Partial<UploadStart>;
        if (idempotencyKey(request) === undefined) await refuseTaken(context, known);
      });
      underway.add(receiving);
      const received = await receiving.finally(() => underway.delete(receiving));
      if (!received.source && received.fields.file_id === undefined) throw noFile();
      request.body = received.fields as UploadStart; // Validated next.
      request.source = received.source;
      request.inspected = received.inspected;
    },
    // Whatever goes wrong before the task is there: its file goes. Where PostgreSQL was lost the task may be there all the
    // same; a file that turns out to be nobody's is swept later.
    onError: async (request, _reply, error) => {
      if (request.source && !isUnavailable(error)) await context.store.remove(request.source.key);
    },
    handler: (request, reply) => startUpload(context, request, reply),
  });
}

const START = operation('startUpload', {
  tag: 'Uploads',
  summary: 'Start the load of a CSV file',
  body: UploadStart,
  consumes: ['multipart/form-data', 'application/json', 'application/x-www-form-urlencoded'],
  answers: { 202: 'Task' },
});

async function startUpload(
  context: ApiContext,
  request: FastifyRequest<{ Body: UploadStart }>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { body } = request;
  if (body.file_id !== undefined) refuseFileId(body.file_id, request.source);
  if (idempotencyKey(request) === undefined) await refuseTaken(context, body);
  // Never the name of a caller's file: a task's name goes through Temporal.
  const nameless = generateTaskName(request.source ? 'upload' : SAMPLE_NAME);
  request.source ??= await storeSample(context);
  const source = request.source;
  const idempotency = readIdempotency(request, body, source.sha256);
  const owner = { kind: 'upload', userId: body.user_id } as const;
  // A request that is repeated finds its own task and table in its way, so it is recognised first.
  let row = idempotency && (await findByIdempotencyKey(context.pool, owner, idempotency));
  let created = false;
  if (!row) {
    await refuseTaken(context, { table: body.table });
    await checkLateFields(context, body, source, request.inspected);
    const key = { ...owner, taskName: body.task_name ?? nameless };
    checkNameLength(key);
    const task = { ...key, options: optionsOf(body), source, bytesTotal: source.size, idempotency };
    ({ row, created } = await createUpload(context, task, request.inspected));
  }
  request.source = null;
  if (created) await tryDispatch(context, row);
  else await context.store.remove(source.key);
  return reply
    .code(202)
    .header('location', locationOf(row))
    .send(await viewOf(context, row));
}

/** Checks the file by what the form said of it only after the file. The sample as it is needs no check. */
async function checkLateFields(
  { store }: ApiContext,
  { dialect, columns }: UploadStart,
  source: Source,
  checked: FileOptions | null,
): Promise<void> {
  if (isDeepStrictEqual([checked?.dialect, checked?.columns], [dialect, columns])) return;
  await checkStored(store, source, { dialect, columns });
}

/** Makes the task, and with it the parts that are known already: inspect goes on behind them. */
function createUpload({ pool }: ApiContext, task: NewTask & { options: UploadOptions }, inspected: Inspected | null) {
  return withTransaction(pool, async (client) => {
    const made = await createTask(client, task);
    // The form may have said only behind the file how it is to be read.
    if (!made.created || !inspected || !isDeepStrictEqual(inspected.dialect, task.options.dialect)) return made;
    let rows = 0;
    for (const [i, part] of inspected.parts.entries()) {
      await storePart(client, made.row.id, { ...part, partNo: i + 1, firstRow: rows + 1 }, part.evidence);
      rows += part.rows;
    }
    return made;
  });
}

function refuseTooLarge({ headers }: FastifyRequest, maxBytes: number): void {
  // The form around the file takes a little, too.
  if (Number(headers['content-length'] ?? 0) <= maxBytes + (1 << 20)) return;
  throw new TaskError('file_too_large', `The file is larger than ${maxBytes} bytes.`);
}

/** The file that a form was made for was forgotten: the sample in its place would be a surprise. */
function noFile(): TaskError {
  const detail =
    'is missing; it must be a part with a filename. To load the sample, send the fields as JSON or urlencoded';
  return invalidRequest([{ field: 'file', detail }]);
}

function refuseFileId(fileId: string, source: Source | null): never {
  if (source)
    throw invalidRequest([{ field: 'file_id', value: fileId, detail: 'must be left out where a file is sent' }]);
  throw new TaskError(
    'file_not_found',
    `There is no finished upload "${fileId}". Send the file as multipart/form-data, in the part "file".`,
  );
}

/** @throws {TaskError} task_exists, table_exists */
async function refuseTaken({ pool }: ApiContext, { user_id, task_name, table }: Partial<UploadStart>): Promise<void> {
  if (user_id !== undefined && task_name !== undefined) {
    const key = { kind: 'upload', userId: user_id, taskName: task_name } as const;
    checkNameLength(key);
    const holder = await findByName(pool, key);
    if (!isNameFree(holder)) throw taskExists(key, holder);
  }
  if (table === undefined) return;
  if (Buffer.byteLength(table) > 63) {
    throw invalidRequest([{ field: 'table', value: table, detail: 'must be at most 63 bytes long in UTF-8' }]);
  }
  if (await isTableNameTaken(pool, table)) {
    throw new TaskError('table_exists', `There is a table "${table}" already. Choose another name, or leave it out.`);
  }
}

async function storeSample({ store, sampleFile }: ApiContext): Promise<Source> {
  const key = newSourceKey();
  return { key, filename: SAMPLE_NAME, ...(await store.put(key, createReadStream(sampleFile))) };
}

function optionsOf({
  table,
  max_rejects = 0,
  on_limit = 'pause',
  max_bytes_per_second,
  dialect,
  columns,
}: UploadStart): UploadOptions {
  return { table, max_rejects, on_limit, max_bytes_per_second, dialect, columns };
}
