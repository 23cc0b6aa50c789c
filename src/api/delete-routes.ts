import type { FastifyInstance, FastifyReply, FastifySchema } from 'fastify';
import { type DeleteQuery, DeleteUploadQuery } from '../contract/operator-requests.js';
import { TaskPath, UserQuery } from '../contract/requests.js';
import { KINDS, type Kind } from '../contract/states.js';
import { finishDeletions } from '../maintenance/finish-deletion.js';
import { deleteTask } from '../tables/delete-task.js';
import { getTask, type TaskKey, type TaskRow } from '../tasks/tasks.js';
import type { ApiContext } from './context.js';
import { operationOf } from './openapi.js';

/** DELETE /tasks/{kind}/{task_name} */
export function deleteRoutes(app: FastifyInstance, context: ApiContext): void {
  for (const kind of KINDS) {
    app.delete<{ Params: TaskPath; Querystring: DeleteQuery }>(
      `/tasks/${kind}/:task_name`,
      { schema: deleteOf(kind) },
      ({ params, query }, reply) =>
        sendDeleted(context, { kind, userId: query.user_id, taskName: params.task_name }, query.drop_table, reply),
    );
  }
}

function deleteOf(kind: Kind): FastifySchema {
  return operationOf(kind, 'delete', {
    summary: 'Delete the record of a task that has ended, with its files',
    params: TaskPath,
    querystring: kind === 'upload' ? DeleteUploadQuery : UserQuery,
    answers: { 202: null, 204: null },
  });
}

/** Answers 204 when nothing of the task remains, 202 when the sweeper has to remove a rest. */
async function sendDeleted(
  context: ApiContext,
  key: TaskKey,
  dropTable: boolean | undefined,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const isGone = await deleteWhole(context, await getTask(context.pool, key), { dropTable });
  return reply.code(isGone ? 204 : 202).send();
}

/**
 * Deletes a task that has ended, those that had its name before, and all that belongs to them.
 * @returns whether nothing remains; the sweeper removes a rest
 * @throws {TaskError} as `deleteTask`
 */
export async function deleteWhole(
  context: Pick<ApiContext, 'pool' | 'store' | 'log'>,
  task: TaskRow,
  { dropTable }: { dropTable?: boolean } = {},
): Promise<boolean> {
  const deletions = await deleteTask(context.pool, task, { dropTable, withHistory: true });
  context.log.info({ task: task.workflow_id }, 'deleted a task');
  return finishDeletions(context, deletions);
}
