import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ACTIONS, type Action, KINDS, type Kind } from '../contract/states.js';
import { getTask } from '../tasks/tasks.js';
import type { ApiContext } from './context.js';
import { viewOf } from './read-task.js';
import { runCommand } from './run-command.js';
import { CommandBody, ResumeUploadBody } from './schemas.js';

/** POST /{upload,download}/{pause,resume,terminate} */
export function commandRoutes(app: FastifyInstance, context: ApiContext): void {
  for (const kind of KINDS) {
    for (const action of ACTIONS) {
      const body = kind === 'upload' && action === 'resume' ? ResumeUploadBody : CommandBody;
      app.post<{ Body: CommandBody }>(`/${kind}/${action}`, { schema: { body } }, (request, reply) =>
        command(context, kind, action, request, reply),
      );
    }
  }
}

async function command(
  context: ApiContext,
  kind: Kind,
  action: Action,
  { body }: FastifyRequest<{ Body: CommandBody }>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const task = await getTask(context.commandPool, { kind, userId: body.user_id, taskName: body.task_name });
  const { reason, max_rejects: maxRejects } = body;
  const { row, inEffect } = await runCommand(context, task, { action, actor: body.user_id, reason, maxRejects });
  return reply.code(inEffect ? 200 : 202).send(await viewOf(context, row));
}
