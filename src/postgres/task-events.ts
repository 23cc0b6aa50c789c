import type pg from 'pg';
import type { State } from '../contract/states.js';
import type { TaskEvent } from '../contract/task.js';

/** How many of a task's events are shown: a task that was steered a thousand times is not a page of a megabyte. */
const SHOWN = 100;

/** The last changes of a task's state, in the order in which they happened. */
export async function listEvents(db: pg.Pool | pg.ClientBase, taskId: string): Promise<TaskEvent[]> {
  const { rows } = await db.query<TaskEvent>(
    `SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS at,
            channel, actor, action, reason, from_state, to_state
       FROM (SELECT * FROM long_task.task_events WHERE task_id = $1 ORDER BY id DESC LIMIT $2) last ORDER BY id`,
    [taskId, SHOWN],
  );
  return rows;
}

/** Adds a note of the service on the change that was just made: an event that leaves the state as it is. */
export async function addNote(
  client: pg.ClientBase,
  task: { id: string; state: State; epoch: number },
  { action, reason }: Pick<TaskEvent, 'action'> & { reason: string },
): Promise<void> {
  await client.query(
    `INSERT INTO long_task.task_events (task_id, channel, action, reason, from_state, to_state, epoch)
     VALUES ($1, 'service', $2, $3, $4, $4, $5)`,
    [task.id, action, reason, task.state, task.epoch],
  );
}

/** Adds by whom a change came, where that was found out only after it was made. Each change by a command has an epoch of its own. */
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
