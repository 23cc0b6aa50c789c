import type { FastifyInstance } from 'fastify';
import { type FieldError, invalidRequest, type TaskError } from '../contract/errors.js';
import type { ActionResult, ActionsAnswer } from '../contract/operator-answers.js';
import { ActionsBody, MAX_TASKS } from '../contract/operator-requests.js';
import { type Action, isFinal, transitionOf } from '../contract/states.js';
import { asTaskError } from '../http/problem.js';
import { notFinal } from '../tables/delete-task.js';
import { illegalTransition } from '../tasks/commands.js';
import { listTasks } from '../tasks/task-list.js';
import { getTask, type TaskKey, type TaskRow } from '../tasks/tasks.js';
import type { ApiContext } from './context.js';
import { deleteWhole } from './delete-routes.js';
import { readCursor, writeCursor } from './list-cursor.js';
import { operation } from './openapi.js';
import { runCommand } from './run-command.js';
import { readFilter } from './task-filter.js';

/** The target of a command: a task that was found, or a name that may have no task. */
type Target = { key: TaskKey; row?: TaskRow };

/** The number of concurrent commands: each takes one of the API's ten connections for commands. */
const AT_ONCE = 4;

/** POST /tasks/actions */
export function bulkRoutes(app: FastifyInstance, context: ApiContext): void {
  app.post<{ Body: ActionsBody }>('/tasks/actions', { schema: COMMAND_MANY }, ({ body }) => commandMany(context, body));
}

const COMMAND_MANY = operation('commandTasks', {
  tag: 'Tasks',
  summary: 'Command many tasks, or preview the outcome',
  body: ActionsBody,
  answers: { 200: 'ActionsAnswer' },
});

async function commandMany(context: ApiContext, body: ActionsBody): Promise<ActionsAnswer> {
  const { targets, next } = await chooseTargets(context, body);
  const results: ActionResult[] = new Array(targets.length);
  const queue = targets.entries();
  const lane = async () => {
    for (const [i, target] of queue) results[i] = await commandOne(context, target, body);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  const countOf = (result: ActionResult['result']) => results.filter((one) => one.result === result).length;
  return {
    action: body.action,
    dry_run: body.dry_run ?? false,
    count: results.length,
    ok: countOf('ok'),
    no_op: countOf('no_op'),
    failed: countOf('error'),
    limit: MAX_TASKS,
    next,
    results,
  };
}

/** @throws {TaskError} invalid_request */
async function chooseTargets(
  { pool }: ApiContext,
  body: ActionsBody,
): Promise<{ targets: Target[]; next: string | null }> {
  const { filter, tasks, user_id, after } = body;
  if ((filter === undefined) === (tasks === undefined)) {
    throw refused('filter', 'must be given, or tasks instead of it, and not both');
  }
  if (tasks) {
    if (after !== undefined) throw refused('after', 'goes with filter only');
    return { targets: namedTargets(tasks, user_id), next: null };
  }
  if (user_id !== undefined) throw refused('user_id', 'belongs into filter, where that is given');
  // The oldest first: a command that changes them does not move the tasks of later pages.
  const list = { filter: readFilter(filter!, 'filter.'), sort: 'created' as const };
  const place = after === undefined ? undefined : readCursor(list, after);
  const { snapshots, next } = await listTasks(pool, list.filter, { sort: list.sort, limit: MAX_TASKS, after: place });
  return {
    targets: snapshots.map(({ row }) => ({ row, key: keyOf(row) })),
    next: next && writeCursor(list, next),
  };
}

function namedTargets(tasks: NonNullable<ActionsBody['tasks']>, userId: string | undefined): Target[] {
  const errors: FieldError[] = [];
  const targets = tasks.map(({ kind, task_name, user_id = userId }, i) => {
    if (user_id === undefined) {
      errors.push({ field: `tasks.${i}.user_id`, detail: 'is missing; give it here, or once for all as user_id' });
    }
    return { key: { kind, userId: (user_id ?? '').normalize('NFC'), taskName: task_name.normalize('NFC') } };
  });
  if (errors.length > 0) throw invalidRequest(errors);
  const names = targets.map(({ key }) => JSON.stringify(key));
  return targets.filter((_target, i) => names.indexOf(names[i]!) === i);
}

function keyOf({ kind, user_id, task_name }: TaskRow): TaskKey {
  return { kind, userId: user_id, taskName: task_name };
}

function refused(field: string, detail: string): TaskError {
  return invalidRequest([{ field, detail }]);
}

/** Commands one task. An error becomes its result and does not stop the others. */
async function commandOne(context: ApiContext, { key, row }: Target, body: ActionsBody): Promise<ActionResult> {
  const named = { kind: key.kind, user_id: key.userId, task_name: key.taskName };
  try {
    const task = row ?? (await getTask(context.pool, key));
    const done = body.dry_run ? foretell(task, body.action) : await perform(context, task, body);
    return { ...named, ...done, error: null };
  } catch (error) {
    const { code, status, detail, extras } = asTaskError(error);
    if (status >= 500) context.log.error({ err: error, task: key }, detail);
    const { current_state, allowed_actions } = extras;
    return {
      ...named,
      result: 'error',
      state: current_state ?? null,
      error: { code, status, detail, current_state, allowed_actions },
    };
  }
}

type Done = Pick<ActionResult, 'result' | 'state'>;

/** By the same way as a single command. */
async function perform(context: ApiContext, task: TaskRow, { action, reason }: ActionsBody): Promise<Done> {
  if (action === 'delete') {
    await deleteWhole(context, task);
    return { result: 'ok', state: null };
  }
  const { row, changed } = await runCommand(context, task, { action, actor: task.user_id, reason });
  return { result: changed ? 'ok' : 'no_op', state: row.state };
}

/** Predicts the result of a command from the task's present state. @throws {TaskError} illegal_transition */
function foretell(task: TaskRow, action: Action | 'delete'): Done {
  if (action === 'delete') {
    if (!isFinal(task.state)) throw notFinal(task);
    return { result: 'ok', state: null };
  }
  const transition = transitionOf(task.state, action);
  if (transition === undefined) throw illegalTransition(task, action);
  return transition ? { result: 'ok', state: transition.to } : { result: 'no_op', state: task.state };
}
