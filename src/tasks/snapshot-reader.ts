import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import DataLoader from 'dataloader';
import type pg from 'pg';
import { TaskError } from '../contract/errors.js';
import type { TaskEvent } from '../contract/task.js';
import { queryPrepared } from './prepared.js';
import { EVENTS_OF } from './task-events.js';
import { type SnapshotRow, snapshotsOf, type TaskSnapshot, toSnapshot } from './task-snapshots.js';
import type { TaskKey } from './tasks.js';

/** How long reads wait at most for the statement before theirs. */
const PATIENCE_MS = 20;
/** In one statement. */
const MAX_TASKS = 100;

export interface SnapshotWithEvents {
  snapshot: TaskSnapshot;
  events: TaskEvent[];
}

/**
 * Reads tasks with the last changes of their state. Reads that arrive while a statement runs share the next one, and
 * reads of the same task its result: most of what a read costs is the statement, not the task, and clients poll.
 */
export class SnapshotReader {
  readonly #pool: pg.Pool;
  readonly #loader: DataLoader<TaskKey, SnapshotWithEvents, string>;
  /** The statement that was sent last, while it runs. */
  #running: Promise<unknown> | undefined;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
    this.#loader = new DataLoader<TaskKey, SnapshotWithEvents, string>((keys) => this.#readTogether(keys), {
      cacheKeyFn: nameOf,
      maxBatchSize: MAX_TASKS,
      batchScheduleFn: (send) => void this.#sendNext(send),
    });
  }

  /** Reads a task as it is after the call. @throws {TaskError} task_not_found */
  read(key: TaskKey): Promise<SnapshotWithEvents> {
    return this.#loader.load(key);
  }

  async #sendNext(send: () => void): Promise<void> {
    // The rest of this turn of the event loop may bring more reads.
    await (this.#running ? Promise.race([this.#running, sleep(PATIENCE_MS)]) : setImmediate());
    // From here on a read must see what is committed later, so it belongs to the next statement.
    this.#loader.clearAll();
    send();
  }

  #readTogether(keys: readonly TaskKey[]): Promise<(SnapshotWithEvents | TaskError)[]> {
    const found = readAll(this.#pool, keys);
    const running = found
      .catch(() => {})
      .finally(() => {
        if (this.#running === running) this.#running = undefined;
      });
    this.#running = running;
    return found;
  }
}

async function readAll(pool: pg.Pool, keys: readonly TaskKey[]): Promise<(SnapshotWithEvents | TaskError)[]> {
  const rows = await queryPrepared<SnapshotRow & { events: TaskEvent[] }>(pool, {
    name: 'snapshots with events',
    text: `SELECT s.*, ${EVENTS_OF} AS events FROM (${snapshotsOf(NAMED)}) s`,
    values: [keys.map(({ kind }) => kind), keys.map(({ userId }) => userId), keys.map(({ taskName }) => taskName)],
  });
  const byName = new Map(
    rows.map(({ events, ...row }) => [
      nameOf({ kind: row.kind, userId: row.user_id, taskName: row.task_name }),
      { snapshot: toSnapshot(row), events },
    ]),
  );
  return keys.map((key) => byName.get(nameOf(key)) ?? notFound(key));
}

/** SQL: the tasks that have these names now. */
const NAMED = `(SELECT named.* FROM long_task.tasks named
    JOIN unnest($1::text[], $2::text[], $3::text[]) AS asked (kind, user_id, task_name)
      USING (kind, user_id, task_name) WHERE named.superseded_at IS NULL)`;

function nameOf({ kind, userId, taskName }: TaskKey): string {
  return JSON.stringify([kind, userId, taskName]);
}

function notFound({ kind, userId, taskName }: TaskKey): TaskError {
  return new TaskError('task_not_found', `User "${userId}" has no ${kind} task "${taskName}".`);
}
