import type { TaskKey } from '../src/client/client.js';
import { TaskWatch } from './task-watch.js';
import type { Workspace } from './workspace.js';

/** How long a pause took, in milliseconds since the request. */
export interface PauseTimes {
  /** Until the API's answer, after which no row can commit; for a signal: until Temporal has accepted it. */
  answered: number;
  /** Until PostgreSQL says `paused`: nothing is held. */
  paused: number;
}

/** Pauses by the API and waits until the task is `paused`. */
export async function pauseByApi({ client, db }: Workspace, key: TaskKey): Promise<PauseTimes> {
  const began = performance.now();
  await client.command('pause', key);
  const answered = performance.now() - began;
  await new TaskWatch(db, key).untilState('paused');
  return { answered, paused: performance.now() - began };
}

/** The same by a Temporal signal, as `temporal workflow signal` sends it, without the start-up time of that program. */
export async function pauseBySignal({ temporal, db }: Workspace, key: TaskKey): Promise<PauseTimes> {
  const began = performance.now();
  await temporal.workflow.getHandle(`${key.kind}/${key.user_id}/${key.task_name}`).signal('pause');
  const answered = performance.now() - began;
  await new TaskWatch(db, key).untilState('paused');
  return { answered, paused: performance.now() - began };
}

/** Resumes a paused task; resolves to the milliseconds from the request to the next committed row. */
export async function resumeToNextRow({ client, db }: Workspace, key: TaskKey): Promise<number> {
  const watch = new TaskWatch(db, key);
  const { rows } = await watch.look();
  const began = performance.now();
  const resumed = client.command('resume', key);
  await Promise.all([resumed, watch.until((snapshot) => snapshot.rows > rows, 'loading again')]);
  return performance.now() - began;
}

/** Terminates a task; resolves to the milliseconds from the request to `terminated`. */
export async function terminate({ client, db }: Workspace, key: TaskKey): Promise<number> {
  const began = performance.now();
  await client.command('terminate', key);
  await new TaskWatch(db, key).untilState('terminated');
  return performance.now() - began;
}

/** Resolves when the task's workflow has ended, and with it the tidying that comes after `completed`. */
export async function untilClosed({ temporal }: Pick<Workspace, 'temporal'>, key: TaskKey): Promise<string> {
  const handle = temporal.workflow.getHandle(`${key.kind}/${key.user_id}/${key.task_name}`);
  await handle.result().catch(() => {});
  return (await handle.describe()).status.name;
}

/** Resolves when no workflow runs: nothing is being tidied in the background. Paused tasks would be waited for. */
export async function untilIdle({ db, temporal }: Workspace): Promise<void> {
  const { rows } = await db.query(`SELECT workflow_id AS id FROM long_task.tasks ORDER BY lock_key DESC LIMIT 3`);
  for (const { id } of rows)
    await temporal.workflow
      .getHandle(id)
      .result()
      .catch(() => {});
}
