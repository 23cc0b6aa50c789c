import type { FastifyInstance } from 'fastify';
import { KINDS } from '../contract/states.js';
import { listSnapshots } from '../postgres/task-snapshots.js';
import type { ApiContext } from './context.js';
import { withResult } from './lost-result.js';
import { sendTask } from './read-task.js';
import { sendRejects } from './rejects-csv.js';
import { sendResultFile } from './result-file.js';
import { ListQuery, TaskPath, TaskRefBody, UserQuery } from './schemas.js';
import { toTask } from './task-view.js';
import { invalidRequest } from './validation.js';

const PAGE = 50;

/** GET /tasks, /tasks/{kind}/{task_name} and what belongs to one task; POST /{kind}/progress */
export function taskRoutes(app: FastifyInstance, context: ApiContext): void {
  app.get<{ Querystring: ListQuery }>('/tasks', { schema: { querystring: ListQuery } }, ({ query }) =>
    listPage(context, query),
  );

  for (const kind of KINDS) {
    app.post<{ Body: TaskRefBody }>(`/${kind}/progress`, { schema: { body: TaskRefBody } }, (request, reply) =>
      sendTask(context, { kind, userId: request.body.user_id, taskName: request.body.task_name }, request, reply),
    );
    app.get<OfTask>(`/tasks/${kind}/:task_name`, ofTask, (request, reply) =>
      sendTask(context, { kind, userId: request.query.user_id, taskName: request.params.task_name }, request, reply),
    );
  }

  app.get<OfTask>('/tasks/upload/:task_name/rejects', ofTask, ({ params, query }, reply) =>
    sendRejects(context, { kind: 'upload', userId: query.user_id, taskName: params.task_name }, reply),
  );
  app.route<OfTask>({
    // HEAD is answered by us: Fastify's own would read the whole file.
    method: ['GET', 'HEAD'],
    url: '/tasks/download/:task_name/file',
    ...ofTask,
    handler: (request, reply) =>
      sendResultFile(
        context,
        { kind: 'download', userId: request.query.user_id, taskName: request.params.task_name },
        request,
        reply,
      ),
  });
}

interface OfTask {
  Params: TaskPath;
  Querystring: UserQuery;
}
const ofTask = { schema: { params: TaskPath, querystring: UserQuery } };

async function listPage(
  { pool, store }: ApiContext,
  { user_id, kind, state, history, limit = PAGE, after }: ListQuery,
) {
  const found = await listSnapshots(pool, {
    userId: user_id,
    kind,
    state,
    history,
    limit,
    after: after === undefined ? undefined : readCursor(after),
  });
  const page = await Promise.all(found.slice(0, limit).map((snapshot) => withResult(store, snapshot)));
  const last = found.length > limit ? page.at(-1) : undefined;
  return { tasks: page.map((snapshot) => toTask(snapshot)), next: last ? writeCursor(last.row.lock_key) : null };
}

function writeCursor(lockKey: number): string {
  return Buffer.from(String(lockKey)).toString('base64url');
}

function readCursor(cursor: string): number {
  const text = Buffer.from(cursor, 'base64url').toString('latin1');
  const lockKey = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (lockKey < 2 ** 31) return lockKey;
  throw invalidRequest([{ field: 'after', value: cursor, detail: 'must be the "next" of the page before' }]);
}
