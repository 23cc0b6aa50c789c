import type { FastifyInstance, FastifyReply, FastifyRequest, FastifySchema } from 'fastify';
import { CommandBody, ResumeUploadBody } from '../contract/requests.js';
import { ACTIONS, type Action, KINDS, type Kind } from '../contract/states.js';
import { checkDialect } from '../intake/check-head.js';
import { getTask } from '../tasks/tasks.js';
import type { ApiContext } from './context.js';
import { operationOf } from './openapi.js';
import { viewOf } from './read-task.js';
import { runCommand } from './run-command.js';

/** POST /{upload,download}/{pause,resume,terminate} */
export function commandRoutes(app: FastifyInstance, context: ApiContext): void {
  for (const kind of KINDS) {
    for (const action of ACTIONS) {
      app.post<{ Body: CommandBody }>(`/${kind}/${action}`, { schema: commandOf(kind, action) }, (request, reply) =>
        command(context, kind, action, request, reply),
      );
    }
  }
}

const SUMMARIES: Record<Action, string> = {
  pause: 'Pause a task and release its resources',
  resume: 'Resume a paused task where it stopped',
  terminate: 'End a task and roll back all that it made',
};

function commandOf(kind: Kind, action: Action): FastifySchema {
  return operationOf(kind, action, {
    summary: SUMMARIES[action],
    body: kind === 'upload' && action === 'resume' ? ResumeUploadBody : CommandBody,
    answers: { 200: 'Task', 202: 'Task' },
  });
}

async function command(
  context: ApiContext,
  kind: Kind,
  action: Action,
  { body }: FastifyRequest<{ Body: CommandBody }>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const task = await getTask(context.commandPool, { kind, userId: body.user_id, taskName: body.task_name });
  const { reason, max_rejects: maxRejects, dialect } = body;
  if (dialect) checkDialect(dialect);
  const { row, inEffect } = await runCommand(context, task, {
    action,
    actor: body.user_id,
    reason,
    maxRejects,
    dialect,
  });
  return reply.code(inEffect ? 200 : 202).send(await viewOf(context, row));
}
