import type { FastifyInstance } from 'fastify';
import { KINDS } from '../contract/states.js';
import type { ApiContext } from './context.js';
import { listPage } from './list-tasks.js';
import { ListQuery } from './operator-schemas.js';
import { sendTask } from './read-task.js';
import { sendRejects } from './rejects-csv.js';
import { sendResultFile } from './result-file.js';
import { TaskPath, TaskRefBody, UserQuery } from './schemas.js';

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
