import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { describe, expect, it } from 'vitest';
import { copyIn } from '../../src/postgres/copy.js';
import { withClient } from '../../src/postgres/pool.js';
import { stagingTable } from '../../src/tables/staging.js';
import { commandTask } from '../../src/tasks/commands.js';
import { type Fence, FencedError, whileFenceIsOpen, withFence } from '../../src/tasks/fence.js';
import type { TaskRow } from '../../src/tasks/tasks.js';
import { runningTask, stagedRows, useDatabase } from '../postgres/support.js';

const db = useDatabase();
const pause = { action: 'pause', channel: 'api' } as const;

describe('a batch that takes long, here by a slow trigger of its table', () => {
  async function slowTask(): Promise<{
    row: TaskRow;
    fence: Fence;
    load: (client: pg.ClientBase, rows?: number) => Promise<unknown>;
  }> {
    const { row, fence } = await runningTask(db.pool);
    const table = stagingTable(row.lock_key);
    await db.pool.query(
      `CREATE OR REPLACE FUNCTION public.slowly() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.02); RETURN NEW; END';
       CREATE TRIGGER slow BEFORE INSERT ON ${table} FOR EACH ROW EXECUTE FUNCTION public.slowly()`,
    );
    const target = { table, columns: ['_row', 'a'] };
    const load = (client: pg.ClientBase, rows = 200) =>
      withFence(client, fence, () => copyIn(client, target, Buffer.from('1\tx\n'.repeat(rows))));
    return { row, fence, load };
  }

  it('is cancelled by a pause, and its session lives', async () => {
    const { row, fence, load } = await slowTask();
    await withClient(db.pool, async (client) => {
      const loading = load(client).catch((error: unknown) => error);
      await sleep(200);
      const began = performance.now();
      await commandTask(db.pool, row, pause);
      expect(performance.now() - began).toBeLessThan(1_000);
      expect(await loading).toMatchObject({ code: '57014' });
      await expect(withFence(client, fence, async () => {})).rejects.toThrow(FencedError);
    });
    expect(await stagedRows(db.pool, row.lock_key)).toBe(0);
  });

  it('cannot delay a pause by starting again, however many there are', async () => {
    const { row, load } = await slowTask();
    const writers = Array.from({ length: 8 }, () =>
      withClient(db.pool, async (client) => {
        for (;;) {
          const error = await load(client).catch((error: unknown) => error);
          if (error instanceof FencedError) return;
          expect(error).toMatchObject({ code: '57014' });
        }
      }),
    );
    await sleep(200);
    const began = performance.now();
    await commandTask(db.pool, row, pause);
    expect(performance.now() - began).toBeLessThan(1_000);
    await Promise.all(writers);
    expect(await stagedRows(db.pool, row.lock_key)).toBe(0);
  });

  it('is not cancelled by a resume of what runs already', async () => {
    const { row, load } = await slowTask();
    await withClient(db.pool, async (client) => {
      const loading = load(client, 25);
      await sleep(100);
      expect(await commandTask(db.pool, row, { action: 'resume', channel: 'api' })).toMatchObject({ changed: false });
      await loading;
    });
    expect(await stagedRows(db.pool, row.lock_key)).toBe(25);
  });
});

it('makes a pause wait for the short end of a long step', async () => {
  const { row, fence } = await runningTask(db.pool);
  await withClient(db.pool, async (client) => {
    const ending = withFence(client, fence, () => client.query('SELECT pg_sleep(0.5)'));
    await sleep(100);
    await commandTask(db.pool, row, pause);
    await ending;
  });
});

describe('work that watches the fence', () => {
  const untilAborted = (signal: AbortSignal) => sleep(10_000, undefined, { signal });

  it('is broken off soon after a pause, as fenced', async () => {
    const { row, fence } = await runningTask(db.pool);
    const working = whileFenceIsOpen(db.pool, fence, new AbortController().signal, untilAborted);
    await commandTask(db.pool, row, pause);
    await expect(working).rejects.toThrow(FencedError);
  });

  it('is broken off by its own signal, as that says, and else ends as it ends', async () => {
    const { fence } = await runningTask(db.pool);
    const stop = AbortSignal.timeout(50);
    await expect(whileFenceIsOpen(db.pool, fence, stop, untilAborted)).rejects.toMatchObject({ name: 'AbortError' });
    expect(await whileFenceIsOpen(db.pool, fence, new AbortController().signal, async () => 'done')).toBe('done');
  });
});
