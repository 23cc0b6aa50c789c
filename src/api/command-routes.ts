import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ACTIONS, type Action, KINDS, type Kind, type State } from '../contract/states.js';
import { commandTask } from '../postgres/commands.js';
import { getTask, type TaskRow } from '../postgres/tasks.js';
import type { ApiContext } from './context.js';
import { deliver } from './deliver.js';
import { viewOf } from './read-task.js';
import { CommandBody, ResumeUploadBody } from './schemas.js';

/** The state in which each command is in effect. */
const IN_EFFECT: Record<Action, State> = { pause: 'paused', resume: 'running', terminate: 'terminated' };

/** An answer that says "under way" anyway waits no longer for Temporal to be told. */
const PATIENCE_MS = 20;

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

/**
 * The fence is closed first: once this is answered no row can commit any more, whether Temporal is there or not. Then the
 * workflow is told, by the sweeper if not now.
 */
async function command(
  context: ApiContext,
  kind: Kind,
  action: Action,
  { body }: FastifyRequest<{ Body: CommandBody }>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const task = await getTask(context.commandPool, { kind, userId: body.user_id, taskName: body.task_name });
  const { row, changed } = await commandTask(context.commandPool, task, {
    action,
    channel: 'api',
    actor: body.user_id,
    reason: body.reason,
    maxRejects: body.max_rejects,
  });
  const tell = async () => (await isLifted(context, action, task)) && (await deliver(context, row, body.reason));
  const told = changed ? tell() : true;
  const inEffect = row.state === IN_EFFECT[action] && (await told);
  // The command stands: where Temporal is slow, the answer does not wait for it.
  const [view] = await Promise.all([viewOf(context, row), inEffect || Promise.race([told, sleep(PATIENCE_MS)])]);
  return reply.code(inEffect ? 200 : 202).send(view);
}

/** What an operator paused in Temporal would not hear the command. The sweeper lifts it if it cannot be done now. */
async function isLifted({ temporal, log }: ApiContext, action: Action, task: TaskRow): Promise<boolean> {
  if (action === 'pause' || !task.pause_reasons.some((reason) => reason.startsWith('operator'))) return true;
  try {
    await temporal.liftNativePauses(task);
    return true;
  } catch (error) {
    log.warn({ err: error, task: task.workflow_id }, 'not unpaused in Temporal, to be tried again');
    return false;
  }
}
