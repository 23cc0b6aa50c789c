import { Context } from '@temporalio/activity';
import type pg from 'pg';
import { type RunRef, userOf } from '../contract/messages.js';
import { type Session, withClient } from '../postgres/pool.js';
import { assertEpoch, claimStep, type Fence, sessionName } from '../tasks/fence.js';
import { fenceOf, getTaskById, type TaskRow } from '../tasks/tasks.js';
import type { Dependencies } from './context.js';
import { atRest } from './heartbeat.js';

/** What the steps of tasks share in this process, and the signal that ends this one. */
export interface Attending extends Pick<Dependencies, 'pool' | 'rateLimiter' | 'permits' | 'slots' | 'fences'> {
  signal: AbortSignal;
}

/** The role that a session of a stint is named for, and whether its commits do not wait for the disk. */
type StintSession = { role: string } & Pick<Session, 'isAsync'>;

/** An attempt of a step. Holds a permit and a connection only in its stints, and nothing while it waits or rests. */
interface Attempt {
  task: TaskRow;
  fence: Fence;
  /** Fires when the activity is to end, and soon after a command has closed the fence. */
  signal: AbortSignal;
  /** Runs `body` with a permit to work, in a session named for the role. Claims of earlier stints hold. */
  stint<T>(session: StintSession, body: (client: pg.PoolClient) => Promise<T>): Promise<T>;
}

/**
 * Runs an attempt of a step. Checks the epoch first, so that a stale attempt cannot terminate a live attempt's session.
 * @throws {FencedError}
 */
async function attend<T>(
  { pool, permits, slots, fences, signal: ending }: Attending,
  { taskId, epoch }: RunRef,
  body: (attempt: Attempt) => Promise<T>,
): Promise<T> {
  const user = userOf(Context.current().info.workflowExecution!.workflowId);
  const leave = slots.occupy(user);
  try {
    const task = await getTaskById(pool, taskId);
    assertEpoch(task, epoch);
    return await fences.attend(fenceOf(task), ending, (signal) => {
      const stint = async <S>({ role, isAsync }: StintSession, work: (client: pg.PoolClient) => Promise<S>) => {
        const release = await atRest(() => permits.take(user, signal));
        const name = sessionName(task.lock_key, role);
        return withClient(pool, work, { name, isAsync }, signal).finally(release);
      };
      return body({ task, fence: fenceOf(task), signal, stint });
    });
  } finally {
    leave();
  }
}

/** The context of an attempt of a step. */
export interface Step {
  client: pg.PoolClient;
  /**
   * The task as it was when this attempt claimed the step. Only its own transactions and commands change it since.
   */
  task: TaskRow;
  fence: Fence;
  signal: AbortSignal;
  /** Its commits do not wait for the disk, but the last one does. */
  isAsync?: boolean;
}

/**
 * Claims a step of a task for one attempt at a time and runs it in a session of its own.
 * @param isAsync whether its commits do not wait for the disk; the last one has to ask for it
 */
export async function asStep<T>(
  attending: Attending,
  run: RunRef,
  role: string,
  body: (step: Step) => Promise<T>,
  isAsync = false,
): Promise<T> {
  return attend(attending, run, ({ fence, signal, stint }) =>
    stint({ role, isAsync }, async (client) =>
      body({ client, signal, isAsync, ...(await claimStep(client, fence, role)) }),
    ),
  );
}

/**
 * The context of an attempt of a part. Parts of one task run concurrently, so that the body itself claims its part.
 */
export interface PartAttempt extends Step {
  partNo: number;
  /** The name of the part's sessions, shared by all its attempts. */
  role: string;
}

/**
 * Runs an attempt of a part in stints, each in a session of its own, until one says that it was the last. Before each
 * stint, and after the last one, the task waits for its rate and holds neither permit nor connection.
 * @param body receives the result of the previous stint
 */
export async function asPart<T extends { isLast: boolean }>(
  attending: Attending,
  { partNo, ...run }: RunRef & { partNo: number },
  body: (attempt: PartAttempt, before: T | undefined) => Promise<T>,
  role = `part ${partNo}`,
): Promise<T> {
  return attend(attending, run, async ({ task, fence, signal, stint }) => {
    const rest = () => atRest(() => attending.rateLimiter.rest(task.id, signal));
    await rest();
    for (let before: T | undefined; ; ) {
      const work = (client: pg.PoolClient) => body({ client, task, fence, signal, partNo, role }, before);
      before = await stint({ role }, work);
      await rest();
      if (before.isLast) return before;
    }
  });
}
