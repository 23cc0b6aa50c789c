import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { describe, expect, it } from 'vitest';
import { commandTask } from '../../src/tasks/commands.js';
import { SnapshotReader } from '../../src/tasks/snapshot-reader.js';
import type { TaskKey, TaskRow } from '../../src/tasks/tasks.js';
import { runningTask, useDatabase } from '../postgres/support.js';

const db = useDatabase();

/** A reader that counts its statements, each of which takes so long before it is sent. */
function countingReader(milliseconds: () => number = () => 0): { reader: SnapshotReader; statements: () => number } {
  let statements = 0;
  const query = async (...args: unknown[]) => {
    statements++;
    await sleep(milliseconds());
    return (db.pool.query as (...args: unknown[]) => Promise<unknown>)(...args);
  };
  return { reader: new SnapshotReader({ query } as unknown as pg.Pool), statements: () => statements };
}

function keyOf({ kind, user_id, task_name }: TaskRow): TaskKey {
  return { kind, userId: user_id, taskName: task_name };
}

const missing: TaskKey = { kind: 'upload', userId: 'nobody', taskName: 'none' };

describe('reads that come at once', () => {
  it('share a statement, and each gets its own task', async () => {
    const { reader, statements } = countingReader();
    const rows = await Promise.all(Array.from({ length: 5 }, async () => (await runningTask(db.pool)).row));
    const keys = rows.map(keyOf);
    const found = await Promise.all([...keys, ...keys].map((key) => reader.read(key)));
    expect(found.map(({ snapshot }) => snapshot.row.id)).toEqual([...rows, ...rows].map(({ id }) => id));
    expect(found.every(({ events }) => events.at(-1)?.to_state === 'running')).toBe(true);
    expect(statements()).toBe(1);
  });

  it('fail alone where the task is not there', async () => {
    const { reader, statements } = countingReader();
    const { row } = await runningTask(db.pool);
    const [found, refused] = await Promise.allSettled([reader.read(keyOf(row)), reader.read(missing)]);
    expect(found).toMatchObject({ status: 'fulfilled', value: { snapshot: { row: { id: row.id } } } });
    expect(refused).toMatchObject({ status: 'rejected', reason: { code: 'task_not_found' } });
    expect(statements()).toBe(1);
  });

  it('all fail with PostgreSQL, and the next read tries again', async () => {
    const away = { query: () => Promise.reject(new Error('away')) } as unknown as pg.Pool;
    const reader = new SnapshotReader(away);
    await expect(Promise.all([reader.read(missing), reader.read(missing)])).rejects.toThrow('away');
    away.query = db.pool.query.bind(db.pool) as typeof away.query;
    await expect(reader.read(missing)).rejects.toMatchObject({ code: 'task_not_found' });
  });
});

describe('a read while a statement runs', () => {
  it('sees what was committed before it', async () => {
    const { reader, statements } = countingReader(() => 10);
    const { row } = await runningTask(db.pool);
    const early = reader.read(keyOf(row));
    await sleep(5);
    await commandTask(db.pool, row, { action: 'pause', channel: 'api', actor: 'ana' });
    const { snapshot, events } = await reader.read(keyOf(row));
    await early;
    expect([snapshot.row.state, events.at(-1)?.to_state, statements()]).toEqual(['pausing', 'pausing', 2]);
  });

  it('waits for it only a moment', async () => {
    let wait = 3_000;
    const { reader } = countingReader(() => wait);
    const { row } = await runningTask(db.pool);
    const slow = reader.read(keyOf(row));
    await sleep(5);
    wait = 0;
    const first = await Promise.race([slow.then(() => 'slow'), reader.read(keyOf(row)).then(() => 'quick')]);
    expect(first).toBe('quick');
    await slow;
  });
});
