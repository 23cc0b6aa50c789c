import type pg from 'pg';
import type { State } from '../contract/states.js';

/** The maximum number of events shown per task, so that a thousand commands do not give an answer of a megabyte. */
const SHOWN = 100;

/** SQL: the last changes of the state of a task `s` as JSON, in the order in which they happened. */
export const EVENTS_OF = `(SELECT coalesce(json_agg(json_build_object(
    'at', to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'channel', channel, 'actor', actor, 'action', action,
    'reason', reason, 'from_state', from_state, 'to_state', to_state) ORDER BY last.id), '[]')
  FROM (SELECT * FROM long_task.task_events WHERE task_id = s.id ORDER BY id DESC LIMIT ${SHOWN}) last)`;

/** Adds a remark on a change that was just made: an event of its own that leaves the state as it is. */
export async function addNote(
  client: pg.ClientBase,
  task: { id: string; state: State; epoch: number },
  reason: string,
): Promise<void> {
  await client.query(
    `INSERT INTO long_task.task_events (task_id, channel, action, reason, from_state, to_state, epoch)
     VALUES ($1, 'service', 'noted', $2, $3, $3, $4)`,
    [task.id, reason, task.state, task.epoch],
  );
}

/**
 * Adds the actor of a change, where it becomes known only after the change. The epoch identifies the change, since each
 * command raises it.
 */
export async function nameActor(
  db: pg.Pool | pg.ClientBase,
  taskId: string,
  epoch: number,
  actor: string,
): Promise<void> {
  await db.query(
    `UPDATE long_task.task_events SET actor = $3 WHERE task_id = $1 AND epoch = $2 AND channel <> 'service' AND actor IS NULL`,
    [taskId, epoch, actor],
  );
}
