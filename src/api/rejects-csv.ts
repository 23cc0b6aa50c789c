import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import type pg from 'pg';
import { formatRecord } from '../csv/format-record.js';
import { attachment } from '../http/content-disposition.js';
import { guardFormula } from '../tables/guard-formulas.js';
import { listRejects, type Reject } from '../tasks/rejects.js';
import { getTask, type TaskKey } from '../tasks/tasks.js';
import type { ApiContext } from './context.js';

/** The number of rows that are read at a time; fewer where records are long. */
const PAGE = 100;

/**
 * Answers with the rejected rows of an upload as CSV, read a page at a time. `raw` is the whole record, byte for byte,
 * so that it can be corrected and sent back; the other columns are guarded against formulas.
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

async function* pages(pool: pg.Pool, taskId: string): AsyncGenerator<Buffer> {
  yield Buffer.from('row,byte_offset,column,code,reason,value,raw\n');
  for (let after = 0; ; ) {
    const rejects = await listRejects(pool, taskId, after, PAGE);
    for (const reject of rejects) yield asLine(reject);
    if (rejects.length < PAGE) return;
    after = rejects.at(-1)!.row;
  }
}

function asLine({ row, byteOffset, column, code, reason, value, raw }: Reject): Buffer {
  const guarded = [column, code, reason, value].map((text) => text && guardFormula(text));
  const shown = formatRecord([String(row), String(byteOffset), ...guarded], ',');
  // As latin1, which keeps every byte as it is.
  const doubled = raw.toString('latin1').replaceAll('"', '""');
  return Buffer.concat([Buffer.from(`${shown},"`), Buffer.from(`${doubled}"\n`, 'latin1')]);
}
