import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { TaskKey } from '../src/client/client.js';
import { isFinal, type Phase, type State } from '../src/contract/states.js';

/** A task as PostgreSQL has it at one moment. */
export interface TaskStatus {
  id: string;
  lockKey: number;
  state: State;
  phase: Phase | null;
  /** Committed rows, of all parts; 0 once the parts are gone. */
  rows: number;
  rowsTotal: number | null;
}

const EVERY_MS = 2;
const TIMEOUT_MS = 120_000;

/**
 * Looks at a task in PostgreSQL itself, by default every 2 ms: finer than asking the API, and what is seen there is
 * committed.
 */
export class TaskWatch {
  constructor(
    readonly db: pg.Pool,
    readonly key: TaskKey,
    readonly everyMs = EVERY_MS,
  ) {}

  async look(): Promise<TaskStatus> {
    const snapshot = await this.#read();
    if (!snapshot) throw new Error(`there is no ${this.key.kind} ${this.key.user_id}/${this.key.task_name}`);
    return snapshot;
  }

  /** @throws Error when the task ends in another state, or nothing happens for two minutes */
  async untilState(...states: State[]): Promise<TaskStatus> {
    return this.until((snapshot) => states.includes(snapshot.state), states.join(' or '));
  }

  /** The first snapshot that `accepts`. The task need not be there yet. */
  async until(accepts: (snapshot: TaskStatus) => boolean, what: string): Promise<TaskStatus> {
    const deadline = performance.now() + TIMEOUT_MS;
    for (;;) {
      const snapshot = await this.#read();
      if (snapshot && accepts(snapshot)) return snapshot;
      if (snapshot && isFinal(snapshot.state)) throw new Missed(`the task is ${snapshot.state} before it was ${what}`);
      if (performance.now() > deadline)
        throw new Error(`waited two minutes for ${what}; the task is ${snapshot?.state}`);
      await sleep(this.everyMs);
    }
  }

  async #read(): Promise<TaskStatus | undefined> {
    const { rows } = await this.db.query({
      name: 'watch',
      text: `SELECT id, lock_key AS "lockKey", state, phase, rows_total::float8 AS "rowsTotal",
                    (SELECT coalesce(sum(rows_done), 0) FROM long_task.parts WHERE task_id = t.id)::float8 AS rows
               FROM long_task.tasks t WHERE kind = $1 AND user_id = $2 AND task_name = $3`,
      values: [this.key.kind, this.key.user_id, this.key.task_name],
    });
    return rows[0];
  }
}

/** The task ended before it came to what was waited for. */
export class Missed extends Error {
  override readonly name = 'Missed';
}

/** What a task holds in the database: its sessions and its advisory locks. */
export async function heldInDatabase(db: pg.Pool, lockKey: number): Promise<{ sessions: number; locks: number }> {
  const { rows } = await db.query(
    `SELECT (SELECT count(*) FROM pg_stat_activity
              WHERE datname = current_database() AND starts_with(application_name, $1))::int AS sessions,
            (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = $2 AND objid = $3
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))::int AS locks`,
    [`long-task ${lockKey} `, LOCK_CLASS, lockKey],
  );
  return rows[0];
}

/**
 * First key of the service's advisory locks: 'LT'. Repeated here, so that a check of the service does not rely on it.
 */
export const LOCK_CLASS = 0x4c54;
