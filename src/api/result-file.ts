import type { FastifyReply, FastifyRequest } from 'fastify';
import { TaskError } from '../contract/errors.js';
import { type ByteRange, parseRange } from '../http/byte-range.js';
import { attachment } from '../http/content-disposition.js';
import { asDownload, getTask, type TaskKey, type TaskRow } from '../tasks/tasks.js';
import type { ApiContext } from './context.js';
import { matches } from './read-task.js';

/**
 * Answers with the result of a download, whole or a range of it. Its SHA-256 is its strong validator, so that a broken
 * download can resume exactly (RFC 9110, 13.1.5 and 14).
 * @throws {TaskError} task_not_found, file_not_ready, file_not_found, range_not_satisfiable
 */
export async function sendResultFile(
  context: ApiContext,
  key: TaskKey,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const task = await getTask(context.pool, key);
  const { key: object, size, sha256 } = resultOf(task);
  if ((await context.store.stat(object))?.size !== size) {
    const advice = 'Start the download again; its task_name is free for it.';
    throw new TaskError('file_not_found', `The result file is gone from the file store. ${advice}`);
  }
  const etag = `"${sha256}"`;
  const { format } = asDownload(task).options;
  const isGzip = format?.compression === 'gzip';
  reply
    .header('etag', etag)
    .header('accept-ranges', 'bytes')
    .header('content-disposition', attachment(`${task.task_name}${isGzip ? '.csv.gz' : '.csv'}`))
    .header('x-content-type-options', 'nosniff')
    .header('cache-control', 'no-store')
    .type(isGzip ? 'application/gzip' : `text/csv; charset=${format?.encoding ?? 'utf-8'}`);
  if (matches(request.headers['if-none-match'], etag)) return reply.code(304).send();
  const range = rangeOf(request, etag, size, reply);
  if (range) reply.code(206).header('content-range', `bytes ${range.start}-${range.end}/${size}`);
  reply.header('content-length', range ? range.end - range.start + 1 : size);
  return request.method === 'HEAD' ? reply.send() : reply.send(context.store.openRead(object, range ?? {}));
}

function resultOf(task: TaskRow): NonNullable<TaskRow['result']> {
  if (task.state === 'completed' && task.result) return task.result;
  throw new TaskError(
    'file_not_ready',
    `The download "${task.task_name}" is ${task.state}; its file is there when it is completed.`,
    {
      current_state: task.state,
    },
  );
}

function rangeOf(
  { method, headers }: FastifyRequest,
  etag: string,
  size: number,
  reply: FastifyReply,
): ByteRange | null {
  // For another version of the file, or a method without ranges, the answer is the whole file.
  const stale = headers['if-range'] !== undefined && headers['if-range'] !== etag;
  const range = method === 'GET' && !stale ? parseRange(headers.range, size) : null;
  if (range !== 'unsatisfiable') return range;
  reply.header('content-range', `bytes */${size}`).removeHeader('content-disposition').removeHeader('etag');
  throw new TaskError(
    'range_not_satisfiable',
    `The file has ${size} bytes; the range ${String(headers.range).slice(0, 100)} lies outside of it.`,
  );
}
