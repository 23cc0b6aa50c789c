import type pg from 'pg';
import type { RunRef } from '../contract/messages.js';
import { assertEpoch, claimStep, type Fence, sessionName } from '../postgres/fence.js';
import { withClient } from '../postgres/pool.js';
import { fenceOf, getTaskById, type TaskRow } from '../postgres/tasks.js';

/** What an attempt of a step works with. */
export interface Step {
  client: pg.PoolClient;
  /** As it was when this attempt had taken the step. Only this attempt's own transactions and commands change it since. */
  task: TaskRow;
  fence: Fence;
}

/**
 * The task of an attempt and its fence. One whose epoch is over goes no further, before it ends the session of one that is not.
 * @throws {FencedError}
 */
async function beginAttempt(pool: pg.Pool, { taskId, epoch }: RunRef): Promise<{ task: TaskRow; fence: Fence }> {
  const task = await getTaskById(pool, taskId);
  assertEpoch(task, epoch);
  return { task, fence: fenceOf(task) };
}

/** Runs a step of a task, of which there is one attempt at a time, in a session of its own. */
export async function asStep<T>(
  { pool, signal }: { pool: pg.Pool; signal: AbortSignal },
  run: RunRef,
  role: string,
  body: (step: Step) => Promise<T>,
): Promise<T> {
  const { fence: unclaimed } = await beginAttempt(pool, run);
  return withClient(
    pool,
    async (client) => {
      const fence = await claimStep(client, unclaimed, role);
      return body({ client, fence, task: await getTaskById(client, run.taskId) });
    },
    sessionName(unclaimed.lockKey, role),
    signal,
  );
}

/** What an attempt of a part works with. Several parts of one task are worked on at once, so it has yet to be claimed. */
export interface PartAttempt extends Step {
  partNo: number;
  /** The name of the part's sessions, shared by all its attempts. */
  role: string;
}

/** Runs an attempt of a part in a session of its own. */
export async function asPart<T>(
  { pool, signal }: { pool: pg.Pool; signal: AbortSignal },
  { partNo, ...run }: RunRef & { partNo: number },
  body: (attempt: PartAttempt) => Promise<T>,
): Promise<T> {
  const { task, fence } = await beginAttempt(pool, run);
  const role = `part ${partNo}`;
  return withClient(
    pool,
    (client) => body({ client, task, fence, partNo, role }),
    sessionName(task.lock_key, role),
    signal,
  );
}
