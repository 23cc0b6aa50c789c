import type { FastifyInstance } from 'fastify';
import { ListQuery } from '../contract/operator-requests.js';
import { TaskPath, TaskRefBody, UserQuery } from '../contract/requests.js';
import { KINDS, type Kind } from '../contract/states.js';
import type { ApiContext } from './context.js';
import { listPage } from './list-tasks.js';
import { operation, operationOf } from './openapi.js';
import { sendTask } from './read-task.js';
import { sendRejects } from './rejects-csv.js';
import { sendResultFile } from './result-file.js';

/** GET /tasks, /tasks/{kind}/{task_name} and what belongs to one task; POST /{kind}/progress */
export function taskRoutes(app: FastifyInstance, context: ApiContext): void {
  app.get<{ Querystring: ListQuery }>('/tasks', { schema: LIST }, ({ query }) => listPage(context, query));

  for (const kind of KINDS) {
    app.post<{ Body: TaskRefBody }>(`/${kind}/progress`, { schema: progressOf(kind) }, (request, reply) =>
      sendTask(context, { kind, userId: request.body.user_id, taskName: request.body.task_name }, request, reply),
    );
    app.get<OfTask>(`/tasks/${kind}/:task_name`, { schema: taskOf(kind) }, (request, reply) =>
      sendTask(context, { kind, userId: request.query.user_id, taskName: request.params.task_name }, request, reply),
    );
  }

  app.get<OfTask>('/tasks/upload/:task_name/rejects', { schema: REJECTS }, ({ params, query }, reply) =>
    sendRejects(context, { kind: 'upload', userId: query.user_id, taskName: params.task_name }, reply),
  );
  app.route<OfTask>({
    // HEAD is answered by us: Fastify's own would read the whole file.
    method: ['GET', 'HEAD'],
    url: '/tasks/download/:task_name/file',
    schema: RESULT_FILE,
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

const ofTask = { params: TaskPath, querystring: UserQuery };

const LIST = operation('listTasks', {
  tag: 'Tasks',
  summary: 'List tasks, a page at a time',
  querystring: ListQuery,
  answers: { 200: 'TaskPage' },
});

const progressOf = (kind: Kind) =>
  operationOf(kind, 'progressOf', {
    summary: 'Read a task',
    body: TaskRefBody,
    answers: { 200: 'TaskWithEvents' },
  });

const taskOf = (kind: Kind) =>
  operationOf(kind, 'get', {
    summary: 'Read a task, or learn by If-None-Match that it is as before',
    ...ofTask,
    answers: { 200: 'TaskWithEvents', 304: null },
  });

const REJECTS = operation('listRejects', {
  tag: 'Uploads',
  summary: 'Read the rejected rows of an upload',
  ...ofTask,
  answers: { 200: 'text/csv' },
});

const RESULT_FILE = operation('getResultFile', {
  tag: 'Downloads',
  summary: 'Read the result file, whole or by Range',
  ...ofTask,
  answers: { 200: 'text/csv', 206: 'text/csv', 304: null },
});
