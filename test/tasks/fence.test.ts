import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Receipt } from '../../src/contract/task.js';
import { copyIn } from '../../src/postgres/copy.js';
import { withClient } from '../../src/postgres/pool.js';
import { fillFrozenCopy } from '../../src/tables/frozen-copy.js';
import { dropStaging, rememberStaging, stagingTable } from '../../src/tables/staging.js';
import { advancePart, claimPart } from '../../src/tasks/checkpoints.js';
import { commandTask, settleTask } from '../../src/tasks/commands.js';
import { completeTask } from '../../src/tasks/endings.js';
import { claimStep, type Fence, FencedError, sessionName, withFence, withLateFence } from '../../src/tasks/fence.js';
import { getTaskById, type TaskRow } from '../../src/tasks/tasks.js';
import { heldInDatabase } from '../../testkit/task-watch.js';
import { runningTask, stagedRows, useDatabase } from '../postgres/support.js';

const db = useDatabase();
const pause = { action: 'pause', channel: 'api' } as const;

/** Loads one row inside the fence, as a batch does, with a hook before the commit. */
async function loadRow(row: TaskRow, fence: Fence, number: number, beforeCommit?: () => Promise<void>): Promise<void> {
  await withClient(
    db.pool,
    (client) =>
      withFence(client, fence, async () => {
        await copyIn(
          client,
          { table: stagingTable(row.lock_key), columns: ['_row', 'a'] },
          Buffer.from(`${number}\tx\n`),
        );
        await beforeCommit?.();
      }),
    sessionName(row.lock_key, 'part 1'),
  );
}

describe('the fence', () => {
  it('lets a writer of the current epoch commit', async () => {
    const { row, fence } = await runningTask(db.pool);
    await loadRow(row, fence, 1);
    expect(await stagedRows(db.pool, row.lock_key)).toBe(1);
  });

  it('refuses every later transaction of a writer once a pause has returned', async () => {
    const { row, fence } = await runningTask(db.pool);
    await commandTask(db.pool, row, pause);
    await expect(loadRow(row, fence, 1)).rejects.toThrow(FencedError);
    expect(await stagedRows(db.pool, row.lock_key)).toBe(0);
  });

  it('refuses a writer of an epoch before a pause and a resume', async () => {
    const { row, fence } = await runningTask(db.pool);
    await commandTask(db.pool, row, pause);
    await settleTask(db.pool, row.id);
    await commandTask(db.pool, row, { action: 'resume', channel: 'api' });
    await expect(loadRow(row, fence, 1)).rejects.toThrow(FencedError);
    expect(await settleTask(db.pool, row.id)).toMatchObject({
      next: 'run',
      epoch: (await getTaskById(db.pool, row.id)).epoch,
    });
  });

  it('refuses a writer that wakes after the task has completed, though no command came between', async () => {
    const { row, fence } = await runningTask(db.pool);
    await withClient(db.pool, (client) =>
      withFence(client, fence, () => completeTask(client, row.id, { receipt: { rows_rejected: 0 } as Receipt })),
    );
    await expect(loadRow(row, fence, 1)).rejects.toThrow(FencedError);
    expect(await stagedRows(db.pool, row.lock_key)).toBe(0);
  });

  it('makes a pause wait for a transaction in flight, whose rows then count', async () => {
    const { row, fence } = await runningTask(db.pool);
    let paused = false;
    let pausing: Promise<unknown> = Promise.resolve();
    await loadRow(row, fence, 1, async () => {
      pausing = commandTask(db.pool, row, pause).then(() => {
        paused = true;
      });
      await sleep(200);
      expect(paused).toBe(false);
    });
    await pausing;
    expect(await stagedRows(db.pool, row.lock_key)).toBe(1);
  });

  it('lets a pause pass a stream of writers, since the queue of the lock is fair', async () => {
    const { row, fence } = await runningTask(db.pool);
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      for (let n = 0; ; n++) {
        try {
          await loadRow(row, fence, writer * 100_000 + n, () => sleep(5));
        } catch (error) {
          if (error instanceof FencedError) return;
          throw error;
        }
      }
    });
    await sleep(100);
    await commandTask(db.pool, row, pause);
    const rows = await stagedRows(db.pool, row.lock_key);
    await Promise.all(writers);
    expect(await stagedRows(db.pool, row.lock_key)).toBe(rows);
  });

  it('ends a frozen writer that holds the lock, within five seconds, and keeps nothing of its batch', async () => {
    const { row, fence } = await runningTask(db.pool);
    let frozen!: () => void;
    const isFrozen = new Promise<void>((resolve) => {
      frozen = resolve;
    });
    const zombie = loadRow(row, fence, 1, async () => {
      frozen();
      await sleep(6_000);
    }).catch((error: Error) => error);
    await isFrozen;
    const began = performance.now();
    await commandTask(db.pool, row, pause);
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(await stagedRows(db.pool, row.lock_key)).toBe(0);
    expect(await zombie).toBeInstanceOf(Error);
  });

  it('leaves a paused task with no session and no lock', async () => {
    const { row } = await runningTask(db.pool);
    const forgotten = await db.pool.connect();
    forgotten.on('error', () => {});
    await forgotten.query('SELECT set_config($1, $2, false)', [
      'application_name',
      sessionName(row.lock_key, 'part 1'),
    ]);
    await commandTask(db.pool, row, pause);
    expect(await settleTask(db.pool, row.id)).toEqual({ next: 'wait' });
    expect(await heldInDatabase(db.pool, row.lock_key)).toEqual({ sessions: 0, locks: 0 });
    forgotten.release(true);
  });
});

describe('work in front of the fence', () => {
  it('does not hold up a command, and is refused when one has come meanwhile', async () => {
    const { row, fence } = await runningTask(db.pool);
    const late = withClient(db.pool, (client) =>
      withLateFence(
        client,
        fence,
        async () => {
          const oid = [{ name: 'oid', type: 'oid' }];
          await dropStaging(client, row.staging_oid);
          await withClient(db.pool, (reader) =>
            fillFrozenCopy(client, reader, row.lock_key, { table: 'pg_class', columns: oid, key: oid }),
          );
          await commandTask(db.pool, row, pause);
        },
        () => rememberStaging(client, row.id, row.lock_key),
      ),
    );
    await expect(late).rejects.toThrow(FencedError);
    expect((await getTaskById(db.pool, row.id)).staging_oid).toBe(row.staging_oid);
  });
});

describe('a step', () => {
  it('is done by the attempt that took it last, alone', async () => {
    const { row, fence } = await runningTask(db.pool);
    await withClient(db.pool, async (client) => {
      const { fence: zombie } = await claimStep(client, fence, 'inspect');
      const { fence: successor } = await claimStep(client, fence, 'inspect');
      await expect(withFence(client, zombie, async () => {})).rejects.toThrow(FencedError);
      await withFence(client, successor, async () => {});
    });
    // The parts, several of which are loaded at once, are not concerned.
    await loadRow(row, fence, 1);
    expect(await stagedRows(db.pool, row.lock_key)).toBe(1);
  });

  it('is taken from a frozen attempt that holds the task row, by ending that session', async () => {
    const { row, fence } = await runningTask(db.pool);
    const frozen = await db.pool.connect();
    frozen.on('error', () => {});
    await frozen.query('SELECT set_config($1, $2, false)', ['application_name', sessionName(row.lock_key, 'publish')]);
    await frozen.query('BEGIN');
    await frozen.query('SELECT 1 FROM long_task.tasks WHERE id = $1 FOR UPDATE', [row.id]);
    await withClient(db.pool, (client) => claimStep(client, fence, 'publish'));
    await expect(frozen.query('COMMIT')).rejects.toThrow();
    frozen.release(true);
  });
});

describe('the checkpoint of a part', () => {
  const advance = { byteOffset: 50, rows: 5, rejected: 0, done: false };

  it('commits with the rows or not at all', async () => {
    const { row, fence } = await runningTask(db.pool);
    await withClient(db.pool, async (client) => {
      const part = await claimPart(client, fence, 1, 'part 1');
      const batch = withFence(client, fence, async () => {
        await copyIn(client, { table: stagingTable(row.lock_key), columns: ['_row', 'a'] }, Buffer.from('1\tx\n'));
        await advancePart(client, row.id, part, advance);
        throw new Error('cut off before the commit');
      });
      await expect(batch).rejects.toThrow('cut off');
      expect((await claimPart(client, fence, 1, 'part 1')).byteOffset).toBe(0);
    });
    expect(await stagedRows(db.pool, row.lock_key)).toBe(0);
  });

  it('moves only for the attempt that took the part last', async () => {
    const { row, fence } = await runningTask(db.pool);
    await withClient(db.pool, async (client) => {
      const zombie = await claimPart(client, fence, 1, 'part 1');
      const successor = await claimPart(client, fence, 1, 'part 1');
      await expect(withFence(client, fence, () => advancePart(client, row.id, zombie, advance))).rejects.toThrow(
        FencedError,
      );
      await withFence(client, fence, () => advancePart(client, row.id, successor, advance));
    });
  });

  it('moves only from where the batch began, so that a batch is never committed twice', async () => {
    const { row, fence } = await runningTask(db.pool);
    await withClient(db.pool, async (client) => {
      const part = await claimPart(client, fence, 1, 'part 1');
      await withFence(client, fence, () => advancePart(client, row.id, part, advance));
      await expect(withFence(client, fence, () => advancePart(client, row.id, part, advance))).rejects.toThrow(
        FencedError,
      );
    });
  });

  it('is taken from a frozen attempt that holds its row, by ending that session', async () => {
    const { row, fence } = await runningTask(db.pool);
    const role = 'part 1';
    const zombie = await db.pool.connect();
    zombie.on('error', () => {});
    await zombie.query('SELECT set_config($1, $2, false)', ['application_name', sessionName(row.lock_key, role)]);
    const part = await claimPart(zombie, fence, 1, role);
    await zombie.query('BEGIN');
    await advancePart(zombie, row.id, part, advance);
    await withClient(db.pool, async (client) => {
      expect((await claimPart(client, fence, 1, role)).byteOffset).toBe(0);
    });
    await expect(zombie.query('COMMIT')).rejects.toThrow();
    zombie.release(true);
  });
});
