import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { afterAll, beforeAll, inject } from 'vitest';
import { addressesOf, prepareOpenDatabase } from '../../launcher/postgres-roles.js';
import { createExportPool, createPool, withClient, withTransaction } from '../../src/postgres/pool.js';
import { createStaging } from '../../src/tables/staging.js';
import { storePart } from '../../src/tasks/checkpoints.js';
import { settleTask } from '../../src/tasks/commands.js';
import { type Fence, withFence } from '../../src/tasks/fence.js';
import { createTask, type NewTask } from '../../src/tasks/new-task.js';
import { fenceOf, getTaskById, type TaskRow } from '../../src/tasks/tasks.js';
import { createDatabase, prepareTemplate } from '../support/servers.js';

/** A database of this file's own, made before its tests and dropped after them. */
export interface TestDatabase {
  /** Of the superuser. */
  readonly pool: pg.Pool;
  /** Of the service's roles. */
  readonly appPool: pg.Pool;
  readonly exportPool: pg.Pool;
  readonly url: string;
}

/** Pools on such a database. */
export function useDatabase(): TestDatabase {
  const state: Partial<TestDatabase> & { drop?: () => Promise<void> } = {};
  beforeAll(async () => {
    await prepareTemplate(inject('databaseUrl'), prepareOpenDatabase);
    const database = await createDatabase(inject('databaseUrl'));
    Object.assign(state, database);
    const { app, exporter } = addressesOf(database.url);
    const options = { connectionString: database.url, max: 20, applicationName: 'test', onError: () => {} };
    Object.assign(state, {
      pool: createPool(options),
      appPool: createPool({ ...options, connectionString: app }),
      exportPool: createExportPool({ ...options, connectionString: exporter }),
    });
  });
  afterAll(async () => {
    await Promise.all([state.pool?.end(), state.appPool?.end(), state.exportPool?.end()]);
    await state.drop?.();
  });
  return {
    get pool() {
      return state.pool!;
    },
    get appPool() {
      return state.appPool!;
    },
    get exportPool() {
      return state.exportPool!;
    },
    get url() {
      return state.url!;
    },
  };
}

/** An upload task that was written down, and nothing else. */
export async function newUpload(pool: pg.Pool, more: Partial<NewTask> = {}): Promise<TaskRow> {
  const { row } = await createTask(pool, {
    kind: 'upload',
    userId: 'ana',
    taskName: randomUUID(),
    options: { max_rejects: 0, on_limit: 'pause' },
    source: { key: 'uploads/none', filename: 'none.csv', size: 100, sha256: '' },
    ...more,
  });
  return row;
}

/** An upload task that runs, with a staging table of one text column and one part of 100 bytes and 10 rows. */
export async function runningTask(pool: pg.Pool): Promise<{ row: TaskRow; fence: Fence }> {
  const row = await newUpload(pool, {
    bytesTotal: 100,
    columns: [{ original: 'a', name: 'a', type: 'text', evidence: '' }],
  });
  await settleTask(pool, row.id);
  const running = await getTaskById(pool, row.id);
  await withClient(pool, (client) =>
    withFence(client, fenceOf(running), async () => {
      await createStaging(client, running);
      await storePart(client, row.id, { partNo: 1, byteFrom: 0, byteTo: 100, firstRow: 1, rows: 10, sha256: '' }, []);
    }),
  );
  const ready = await getTaskById(pool, row.id);
  return { row: ready, fence: fenceOf(ready) };
}

/** How many rows are in a task's staging table; null when there is none. */
export async function stagedRows(pool: pg.Pool, lockKey: number): Promise<number | null> {
  return withTransaction(pool, async (client) => {
    const { rows } = await client.query(`SELECT to_regclass('long_task_staging.task_${lockKey}') AS name`);
    if (rows[0].name === null) return null;
    return (await client.query(`SELECT count(*) AS count FROM long_task_staging.task_${lockKey}`)).rows[0].count;
  });
}
