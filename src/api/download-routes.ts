import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { invalidRequest, TaskError } from '../contract/errors.js';
import { DownloadStart } from '../contract/requests.js';
import type { DownloadOptions } from '../contract/task.js';
import { MAX_LISTED } from '../csv/nearest-names.js';
import { findTable, listColumns, tableExists } from '../tables/find-table.js';
import { attributeNumber } from '../tables/staging.js';
import { createTask, findByIdempotencyKey, findByName, type NewTask } from '../tasks/new-task.js';
import { type Column, getTask, type TaskKey, type TaskRow } from '../tasks/tasks.js';
import { tryDispatch } from '../temporal/dispatch.js';
import type { ApiContext } from './context.js';
import { chosenColumns, exportFormat } from './export-format.js';
import { readIdempotency } from './idempotency.js';
import { isResultLost } from './lost-result.js';
import { checkNameLength, generateTaskName, noSuchTable, parseTableName } from './names.js';
import { operation } from './openapi.js';
import { locationOf, viewOf } from './read-task.js';

/** POST /download/start */
export function downloadRoutes(app: FastifyInstance, context: ApiContext): void {
  app.post<{ Body: DownloadStart }>('/download/start', { schema: START }, (request, reply) =>
    startDownload(context, request, reply),
  );
}

const START = operation('startDownload', {
  tag: 'Downloads',
  summary: 'Start the export of a table',
  body: DownloadStart,
  answers: { 202: 'Task' },
});

async function startDownload(
  context: ApiContext,
  request: FastifyRequest<{ Body: DownloadStart }>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { pool } = context;
  const { body } = request;
  const idempotency = readIdempotency(request, body);
  const earlier =
    idempotency && (await findByIdempotencyKey(pool, { kind: 'download', userId: body.user_id }, idempotency));
  const { row, created } = earlier
    ? { row: earlier, created: false }
    : await createTask(pool, { ...(await newDownload(context, body)), idempotency });
  if (created) await tryDispatch(context, row);
  return reply
    .code(202)
    .header('location', locationOf(row))
    .send(await viewOf(context, row));
}

async function newDownload(context: ApiContext, body: DownloadStart): Promise<NewTask> {
  const what =
    body.table === undefined
      ? await tableOfUpload(context.pool, body)
      : await tableByName(context.exportable, body, body.table);
  checkNameLength(what);
  const { consistency = 'live', formulas = 'raw', max_bytes_per_second } = body;
  const { table, oid, upload, ...task } = what;
  const columns = body.columns ? chosenColumns(body.columns, task.columns ?? []) : task.columns;
  if (upload && columns) await checkColumns(context.pool, table, oid, columns);
  const { format, warnings } = exportFormat(body, upload, columns);
  // Compressed bytes say nothing of the file within.
  const isComparable = body.like_source && !body.compression;
  const options: DownloadOptions = {
    table,
    table_oid: oid,
    consistency,
    formulas,
    max_bytes_per_second,
    format,
    source_sha256: isComparable ? (upload?.converted?.raw ?? upload?.source)?.sha256 : undefined,
  };
  return { ...task, columns, options, warnings, lostTask: await lostHolder(context, what) };
}

/**
 * Checks that the table of an upload still has the columns, which are those of its file.
 * @throws {TaskError} target_changed
 */
async function checkColumns(pool: ApiContext['pool'], table: string, oid: number, columns: Column[]): Promise<void> {
  const there = new Set((await listColumns(pool, oid)).map(({ number }) => number));
  const gone = columns.filter(({ number }) => !there.has(number)).map(({ name }) => JSON.stringify(name));
  if (gone.length === 0) return;
  const listed = gone.slice(0, MAX_LISTED).join(', ');
  const detail = `The table ${table} has lost ${gone.length} of the columns that were uploaded: ${listed}. Name the others in columns, or export the table with table.`;
  throw new TaskError('target_changed', detail);
}

/** The completed download that has this name and whose result file is gone, so that it can be started again. */
async function lostHolder({ pool, store }: ApiContext, key: TaskKey): Promise<string | undefined> {
  const holder = await findByName(pool, key);
  return holder && (await isResultLost(store, holder)) ? holder.id : undefined;
}

type Exported = Omit<NewTask, 'options'> & { table: string; oid: number; upload?: TaskRow };

/** The table of a completed upload, with the header and the number of rows that its receipt knows. */
async function tableOfUpload(pool: ApiContext['pool'], body: DownloadStart): Promise<Exported> {
  const { user_id } = body;
  const name = body.upload ?? body.task_name;
  if (name === undefined) {
    const detail =
      'is missing; it must be the name of a completed upload, unless upload or table (schema.name) is given';
    throw invalidRequest([{ field: 'task_name', detail }]);
  }
  const upload = await getTask(pool, { kind: 'upload', userId: user_id, taskName: name });
  if (upload.state !== 'completed' || upload.table_name === null) {
    throw new TaskError(
      'upload_incomplete',
      `The upload "${name}" is ${upload.state}; only a completed one can be downloaded.`,
      {
        current_state: upload.state,
      },
    );
  }
  const oid = upload.table_oid ?? 0;
  if (!(await tableExists(pool, upload.table_name, oid))) {
    throw new TaskError(
      'table_not_found',
      `The table ${upload.table_name} of the upload "${name}" is gone, or another one has its name. Export that one with table.`,
    );
  }
  return {
    kind: 'download',
    userId: user_id,
    taskName: body.task_name ?? generateTaskName(name),
    table: upload.table_name,
    oid,
    upload,
    columns: upload.columns?.map((column, i) => ({ ...column, number: attributeNumber(i) })),
    rowsTotal: upload.receipt?.rows_loaded,
  };
}

async function tableByName(
  exportable: ApiContext['exportable'],
  { user_id, task_name, upload, columns }: DownloadStart,
  written: string,
): Promise<Exported> {
  if (upload !== undefined) {
    throw invalidRequest([{ field: 'upload', value: upload, detail: 'must be left out where table is given' }]);
  }
  const { schema, table: name } = parseTableName(written);
  const found = await findTable(exportable, schema, name);
  if (found === null) return noSuchTable(written);
  const all = columns && (await listColumns(exportable.exportPool, found.oid));
  const taskName = task_name ?? generateTaskName(name.name);
  return { kind: 'download', userId: user_id, taskName, ...found, columns: all };
}
