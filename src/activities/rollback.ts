import { Context } from '@temporalio/activity';
import { TaskError } from '../contract/errors.js';
import { type TaskRef, userOf } from '../contract/messages.js';
import type { State } from '../contract/states.js';
import { failpoint } from '../failpoint.js';
import { resultPrefix } from '../storage/keys.js';
import { dropStaging } from '../tables/staging.js';
import { removeParts } from '../tasks/checkpoints.js';
import { finishRollback } from '../tasks/endings.js';
import { closeFence, endSessions } from '../tasks/fence.js';
import { removeRejects } from '../tasks/rejects.js';
import { getTaskById } from '../tasks/tasks.js';
import { CONTROL, type Dependencies, type Fenceable, perform } from './context.js';

/**
 * How long the drop waits for other users of the staging table, with the fence closed, before it is retried or
 * reported.
 */
const LOCK_TIMEOUT_MS = 5_000;

/**
 * Removes everything that the task made: first the files, then staging table, parts and rejects, in one transaction
 * with the final state. So that state is true as soon as it can be read. The cost does not depend on the rows loaded.
 */
export function rollbackActivity(dependencies: Dependencies) {
  const { controlPool: pool, store, rateLimiter } = dependencies;
  return async ({ taskId }: TaskRef): Promise<Fenceable<{ state: State }>> =>
    removing(dependencies, async () => {
      const task = await getTaskById(pool, taskId);
      if (task.source) await store.remove(task.source.key);
      await store.removeAll(resultPrefix(taskId));
      await failpoint('rollback:before-drop');
      const state = await closeFence(pool, task.lock_key, async (client) => {
        await endSessions(client, task.lock_key);
        await client.query(`SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`);
        await dropStaging(client, (await getTaskById(client, taskId)).staging_oid);
        await failpoint('rollback:after-drop');
        await removeParts(client, taskId);
        await removeRejects(client, taskId);
        return finishRollback(client, taskId);
      });
      await failpoint('rollback:after-commit');
      rateLimiter.forget(taskId);
      return { state };
    });
}

/**
 * Removes what a completed task no longer needs: the source file of an upload, the parts of a download,
 * the checkpoints.
 */
export function tidyActivity(dependencies: Dependencies) {
  return async ({ taskId }: TaskRef): Promise<Fenceable<object>> =>
    removing(dependencies, async () => {
      await tidy(dependencies, taskId);
      return {};
    });
}

/** The work of its activity. */
export async function tidy({ controlPool: pool, store, rateLimiter }: Dependencies, taskId: string): Promise<void> {
  const task = await getTaskById(pool, taskId).catch(nullWhenDeleted);
  if (task?.state !== 'completed') return;
  if (task.source) await store.remove(task.source.key);
  // Unfinished objects first: the list below then includes an object that a late attempt has finished meanwhile.
  await store.removeUnfinished(resultPrefix(taskId));
  for (const key of await store.list(resultPrefix(taskId))) if (key !== task.result?.key) await store.remove(key);
  await closeFence(pool, task.lock_key, async (client) => {
    // The commit does not wait for the disk: if a crash undoes it, the reconciler has the task tidied again.
    await client.query(`SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}; SET LOCAL synchronous_commit = off`);
    if (task.kind === 'download') await dropStaging(client, task.staging_oid);
    // Last of all: as long as there are parts the reconciler knows that there is something to tidy.
    await removeParts(client, taskId);
  });
  rateLimiter.forget(taskId);
}

/** Runs a control step that removes things, a few of them at once and fairly by user. */
function removing<T extends object>({ log, removals }: Dependencies, body: () => Promise<T>): Promise<Fenceable<T>> {
  const { workflowExecution } = Context.current().info;
  const user = userOf(workflowExecution!.workflowId);
  return perform(log, (signal) => removals.use(user, signal, body), CONTROL);
}

/** Accepts a task that was deleted before its workflow tidied it, since the deletion removes everything. */
function nullWhenDeleted(error: unknown): null {
  if (error instanceof TaskError && error.code === 'task_not_found') return null;
  throw error;
}
