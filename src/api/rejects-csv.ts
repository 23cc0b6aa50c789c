import { Readable } from 'node:stream';
import { stringify } from 'csv-stringify/sync';
import type { FastifyReply } from 'fastify';
import type pg from 'pg';
import { attachment } from '../http/content-disposition.js';
import { listRejects } from '../tasks/rejects.js';
import { getTask, type TaskKey } from '../tasks/tasks.js';
import type { ApiContext } from './context.js';

const PAGE = 1_000;

const COLUMNS = [
  { key: 'row', header: 'row' },
  { key: 'byteOffset', header: 'byte_offset' },
  { key: 'column', header: 'column' },
  { key: 'value', header: 'value' },
  { key: 'reason', header: 'reason' },
  { key: 'raw', header: 'raw' },
];

/**
 * Answers with the rejected rows of an upload as CSV, read a page at a time. What a spreadsheet would run is escaped.
 */
export async function sendRejects({ pool }: ApiContext, key: TaskKey, reply: FastifyReply): Promise<FastifyReply> {
  const task = await getTask(pool, key);
  return reply
    .type('text/csv; charset=utf-8')
    .header('content-disposition', attachment(`${task.task_name}-rejects.csv`))
    .header('x-content-type-options', 'nosniff')
    .header('cache-control', 'no-store')
    .send(Readable.from(pages(pool, task.id), { objectMode: false }));
}

async function* pages(pool: pg.Pool, taskId: string): AsyncGenerator<string> {
  yield stringify([], { header: true, columns: COLUMNS });
  for (let after = 0; ; ) {
    const rejects = await listRejects(pool, taskId, after, PAGE);
    if (rejects.length > 0) yield stringify(rejects, { columns: COLUMNS, escape_formulas: true });
    if (rejects.length < PAGE) return;
    after = rejects.at(-1)!.row;
  }
}
