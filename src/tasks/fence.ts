import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { quoteLiteral } from '../postgres/copy.js';
import { inTransaction, LOOK_MS, queryAll, withClient } from '../postgres/pool.js';
import { hasState } from '../postgres/sqlstate.js';
import type { TaskRow } from './tasks.js';

/**
 * The fence (docs/fence.md): a shared advisory lock around every batch, an exclusive one around every command,
 * and an epoch that each command raises. It uses advisory locks because their queue is fair. With `SELECT … FOR SHARE`
 * new share lockers overtake a waiting updater, and a pause would starve.
 */

/** First key of the two-key advisory locks, so that they do not collide with those of other programs: 'LT' in ASCII. */
export const LOCK_CLASS = 0x4c54;

/**
 * The grace period for batches in flight before a pause or terminate cancels them. A resume loads them again. With 20
 * ms the answer to a pause takes 65 ms instead of 46 (p50).
 */
const GRACE_MS = 5;
/** How long after each round of cancels the next one follows. */
const ROUND_MS = 20;
/**
 * How long a command waits for transactions in flight before it terminates the blocking sessions. A batch takes
 * milliseconds.
 */
const FROZEN_WRITER_MS = 2_000;

/** Identifies the epoch, and where there is one the attempt, for which a writer may commit. */
export interface Fence {
  taskId: string;
  lockKey: number;
  epoch: number;
  /** The token of the only attempt that may do the step. Parts, which load concurrently, have their own tokens. */
  stepToken?: string;
}

/** A newer command or a newer attempt has taken over. The writer stops quietly and deletes nothing. */
export class FencedError extends Error {
  override readonly name = 'FencedError';
}

/** The prefix of the names of all sessions that work for a task; its lock key follows. */
export const SESSION_PREFIX = 'long-task ';

/** Returns the name of a session that works for a task, by which such sessions are counted and terminated. */
export function sessionName(lockKey: number, role: string): string {
  return `${SESSION_PREFIX}${lockKey} ${role}`;
}

/**
 * Runs `body` in one transaction inside the fence. It commits only if no command has come since the epoch was given.
 * @throws {FencedError} when the epoch is no longer the one this writer was given
 */
export async function withFence<T>(client: pg.ClientBase, fence: Fence, body: () => Promise<T>): Promise<T> {
  const enter = async ([row]: pg.QueryResultRow[]) => {
    assertMayEnter(row as Entered | undefined, fence);
    return body();
  };
  // Reads the row in a statement after the lock: its snapshot includes the command for which the lock waited.
  return inTransaction(client, enter, [lockShared(fence.lockKey), selectEntered(fence.taskId)]);
}

/**
 * Runs a long `body` before the fence, so that no command waits for it. Its transaction enters the fence only at the
 * end, to record the result. The body must not lock the task row: a command inside the fence would wait for it.
 */
export async function withLateFence<T>(
  client: pg.ClientBase,
  fence: Fence,
  body: () => Promise<void>,
  record: () => Promise<T>,
): Promise<T> {
  return inTransaction(client, async () => {
    await body();
    const [row] = await queryAll(client, [lockShared(fence.lockKey), selectEntered(fence.taskId)]);
    assertMayEnter(row as Entered | undefined, fence);
    return record();
  });
}

/** Returns the statement that acquires a writer's shared lock. */
function lockShared(lockKey: number): string {
  return `SELECT pg_advisory_xact_lock_shared(${LOCK_CLASS}, ${Math.trunc(lockKey)})`;
}

type Entered = Pick<TaskRow, 'epoch'> & { step_token: string | null };

/** Returns the statement that reads the epoch and the token for the check of a writer. */
function selectEntered(taskId: string): string {
  return `SELECT epoch, step_token FROM long_task.tasks WHERE id = ${quoteLiteral(taskId)}`;
}

function assertMayEnter(row: Entered | undefined, fence: Fence): void {
  assertEpoch(row, fence.epoch);
  if (fence.stepToken && row?.step_token !== fence.stepToken) throw new FencedError('another attempt has started');
}

/** The interval at which work before the fence checks that its epoch still holds. */
const WATCH_MS = 100;

/**
 * Runs a long `body` before the fence and aborts its signal soon after a command. This is cheaper than heartbeats of
 * the same latency (an export of 255 MB: 0.4 s of Temporal's processor time instead of 0.6).
 * @throws {FencedError} when a command stopped the body
 */
export async function whileFenceIsOpen<T>(
  pool: pg.Pool,
  fence: Fence,
  signal: AbortSignal,
  body: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const ended = new AbortController();
  const fenced = new AbortController();
  void watch(pool, fence, ended.signal).catch((error: unknown) => fenced.abort(error));
  try {
    return await body(AbortSignal.any([signal, fenced.signal]));
  } catch (error) {
    throw fenced.signal.aborted && !signal.aborted ? fenced.signal.reason : error;
  } finally {
    ended.abort();
  }
}

/** @throws {FencedError} as soon as the epoch is over */
async function watch(pool: pg.Pool, fence: Fence, until: AbortSignal): Promise<void> {
  for (;;) {
    await sleep(WATCH_MS);
    if (until.aborted) return;
    // While PostgreSQL is away no command can be given.
    const query = {
      text: 'SELECT epoch FROM long_task.tasks WHERE id = $1',
      values: [fence.taskId],
      query_timeout: LOOK_MS,
    };
    const found = await pool.query(query).catch(() => null);
    if (found) assertEpoch(found.rows[0], fence.epoch);
  }
}

/** Returns the epochs of tasks by their ids; a task that is gone has no entry. */
export async function epochsOf(pool: pg.Pool, taskIds: string[]): Promise<Map<string, number>> {
  const { rows } = await pool.query({
    name: 'epochs',
    text: 'SELECT id, epoch FROM long_task.tasks WHERE id = ANY($1)',
    values: [taskIds],
    query_timeout: LOOK_MS,
  } as pg.QueryConfig);
  return new Map(rows.map(({ id, epoch }) => [id, epoch]));
}

/** @throws {FencedError} when the task is at another epoch, or gone */
export function assertEpoch(row: { epoch: number } | undefined, epoch: number): void {
  if (row?.epoch !== epoch) throw new FencedError(`epoch ${epoch} is over`);
}

/**
 * Claims a step of a task for a new attempt. Afterwards no earlier attempt can commit through its fence. First ends the
 * sessions of earlier attempts, because a frozen one might hold the task row.
 * @param role the name of the step's sessions, shared by all its attempts
 * @returns the fence of this attempt, and the task as it is then
 */
export async function claimStep(
  client: pg.ClientBase,
  fence: Fence,
  role: string,
): Promise<{ fence: Fence; task: TaskRow }> {
  await endSessions(client, fence.lockKey, role);
  const stepToken = randomUUID();
  const { rows } = await withFence(client, fence, () =>
    client.query<TaskRow>('UPDATE long_task.tasks SET step_token = $2 WHERE id = $1 RETURNING *', [
      fence.taskId,
      stepToken,
    ]),
  );
  return { fence: { ...fence, stepToken }, task: rows[0]! };
}

export interface CloseOptions {
  /** The command ends the epoch of the writers inside, so it need not wait for batches. */
  cancelBatches?: boolean;
}

/**
 * Runs `body` in one transaction while no writer of the task is inside the fence. Waits for writers in flight; with
 * `cancelBatches` cancels their COPYs after a grace period. Terminates the sessions of writers that hold the lock for
 * more than two seconds.
 */
export async function closeFence<T>(
  pool: pg.Pool,
  lockKey: number,
  body: (client: pg.PoolClient) => Promise<T>,
  { cancelBatches = false }: CloseOptions = {},
): Promise<T> {
  return withClient(pool, async (client) => {
    for (;;) {
      const granted = new AbortController();
      // Not awaited: when waiting commands hold all connections of the pool, the cancel comes too late, and the batches
      // end by themselves.
      if (cancelBatches) void keepCancelling(pool, lockKey, granted.signal);
      let closed = false;
      const change = () => {
        granted.abort();
        closed = true;
        return body(client);
      };
      try {
        return await inTransaction(client, change, lockOut(lockKey));
      } catch (error) {
        granted.abort();
        if (closed || !hasState(error, 'lock_not_available')) throw error;
        await client.query(`SELECT pg_terminate_backend(pid) ${HOLDERS}`, [LOCK_CLASS, lockKey]);
      }
    }
  });
}

/**
 * Returns the statements that acquire the exclusive lock. While they wait they keep their place in the queue: a
 * cancelled writer queues after them.
 */
function lockOut(lockKey: number): string[] {
  return [
    `SET LOCAL lock_timeout = ${FROZEN_WRITER_MS}`,
    `SELECT pg_advisory_xact_lock(${LOCK_CLASS}, ${Math.trunc(lockKey)})`,
    'SET LOCAL lock_timeout = 0',
  ];
}

const HOLDERS = `FROM pg_locks JOIN pg_stat_activity USING (pid)
  WHERE locktype = 'advisory' AND classid = $1 AND objid = $2 AND objsubid = 2 AND mode = 'ShareLock' AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;

/** Cancels the COPYs inside the fence, round after round: a COPY that starts after one round is found by the next. */
async function keepCancelling(pool: pg.Pool, lockKey: number, until: AbortSignal): Promise<void> {
  // Only COPYs: all other statements inside the fence are short, and may be the end of a long step.
  const query = {
    text: `SELECT pg_cancel_backend(pid) ${HOLDERS} AND state = 'active' AND query LIKE 'COPY %'`,
    values: [LOCK_CLASS, lockKey],
    query_timeout: LOOK_MS,
  };
  for (let pause = GRACE_MS; ; pause = ROUND_MS) {
    await sleep(pause);
    if (until.aborted) return;
    await pool.query(query).catch(() => {});
  }
}

/**
 * Terminates the remaining sessions of a task (all, or those of one role), waits until they are gone, and returns their
 * number.
 */
export async function endSessions(client: pg.ClientBase, lockKey: number, role = ''): Promise<number> {
  const { rows } = await client.query(
    `SELECT count(pg_terminate_backend(pid, 2000))::int AS ended FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid()
        AND (application_name = $1 OR ($2 AND starts_with(application_name, $1)))`,
    [sessionName(lockKey, role), role === ''],
  );
  return rows[0].ended;
}
