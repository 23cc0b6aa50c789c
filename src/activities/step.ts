import type pg from 'pg';
import type { TaskRef } from '../contract/messages.js';
import { assertCurrent, claimStep, type Fence, sessionName } from '../postgres/fence.js';
import { withClient } from '../postgres/pool.js';
import { getTaskById, type TaskRow } from '../postgres/tasks.js';

/** What an attempt of a step works with. */
export interface Step {
  client: pg.PoolClient;
  /** As it was when this attempt had taken the step. Only this attempt's own transactions and commands change it since. */
  task: TaskRow;
  fence: Fence;
}

/** Runs a step of a task, of which there is one attempt at a time, in a session of its own. */
export async function asStep<T>(
  { pool, signal }: { pool: pg.Pool; signal: AbortSignal },
  { taskId, epoch }: TaskRef & { epoch: number },
  role: string,
  body: (step: Step) => Promise<T>,
): Promise<T> {
  const row = await getTaskById(pool, taskId);
  assertCurrent(row, epoch);
  const lockKey = row.lock_key;
  return withClient(
    pool,
    async (client) => {
      const fence = await claimStep(client, { taskId, lockKey, epoch }, role);
      return body({ client, fence, task: await getTaskById(client, taskId) });
    },
    sessionName(lockKey, role),
    signal,
  );
}
