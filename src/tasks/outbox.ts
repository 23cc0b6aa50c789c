import type pg from 'pg';
import type { Action } from '../contract/states.js';
import type { TaskRow } from './tasks.js';

/** The content of a message: the workflow must start, or a command was recorded. */
export type MessageContent = { kind: 'start' } | { kind: 'command'; payload: { action: Action; reason?: string } };

/** A message in the outbox. Removed when it is dispatched; sending it twice does no harm. */
export type Message = MessageContent & { id: number; task_id: string; attempts: number };

/** The kinds that this version can send: a message of a newer version waits for a process that knows its kind. */
const KINDS: MessageContent['kind'][] = ['start', 'command'];

/** The condition in SQL that the workflow of a row of `long_task.tasks` has not been notified yet. */
export const HAS_MESSAGES = `EXISTS (SELECT FROM long_task.outbox o WHERE o.task_id = tasks.id
        AND o.kind IN (${KINDS.map((kind) => `'${kind}'`).join(', ')}))`;

const MESSAGE = 'id, task_id, kind, payload, attempts';

/** Writes a message in the transaction of the change that it announces. */
export async function writeMessage(client: pg.ClientBase, taskId: string, message: MessageContent): Promise<void> {
  await client.query('INSERT INTO long_task.outbox (task_id, kind, payload) VALUES ($1, $2, $3)', [
    taskId,
    message.kind,
    JSON.stringify('payload' in message ? message.payload : {}),
  ]);
}

/** Lists a task's messages in order, including those that another process is sending now. */
export async function listMessages(pool: pg.Pool, { id }: Pick<TaskRow, 'id'>): Promise<Message[]> {
  const { rows } = await pool.query<Message>(
    `SELECT ${MESSAGE} FROM long_task.outbox WHERE task_id = $1 AND kind = ANY ($2) ORDER BY id`,
    [id, KINDS],
  );
  return rows;
}

const FIRST_WAIT_SECONDS = 2;
const LONGEST_WAIT_SECONDS = 60;

/**
 * Claims the message that has been due for longest. The claim itself schedules the next attempt, so that the message
 * outlives a kill of this process. The backoff doubles from 4 s to 60 s.
 */
export async function claimMessage(pool: pg.Pool): Promise<Message | undefined> {
  const { rows } = await pool.query<Message>(
    `UPDATE long_task.outbox SET attempts = attempts + 1, next_attempt_at = clock_timestamp()
            + make_interval(secs => least(${LONGEST_WAIT_SECONDS}, ${FIRST_WAIT_SECONDS} * 2 ^ least(attempts + 1, 10)))
      WHERE id = (SELECT id FROM long_task.outbox WHERE next_attempt_at <= clock_timestamp() AND kind = ANY ($1)
                   ORDER BY next_attempt_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
      RETURNING ${MESSAGE}`,
    [KINDS],
  );
  return rows[0];
}

/** Releases a claim while Temporal is unavailable: the message is due at once, and the attempt does not count. */
export async function releaseMessage(pool: pg.Pool, { id }: Message): Promise<void> {
  await pool.query(
    'UPDATE long_task.outbox SET attempts = attempts - 1, next_attempt_at = clock_timestamp() WHERE id = $1',
    [id],
  );
}

/** Removes messages that were dispatched. */
export async function removeMessages(pool: pg.Pool, messages: Message[]): Promise<void> {
  await pool.query('DELETE FROM long_task.outbox WHERE id = ANY ($1)', [messages.map(({ id }) => id)]);
}
