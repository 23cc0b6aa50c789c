import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { FenceWatch } from '../../src/activities/fence-watch.js';
import { commandTask } from '../../src/tasks/commands.js';
import { FencedError } from '../../src/tasks/fence.js';
import { fenceOf } from '../../src/tasks/tasks.js';
import { runningTask, useDatabase } from '../postgres/support.js';

const db = useDatabase();
const never = new AbortController().signal;

const waitsFor = (signal: AbortSignal) => sleep(60_000, undefined, { signal });

describe('FenceWatch', () => {
  it('ends what waits within a second of a command, and only that', async () => {
    const watch = new FenceWatch(db.pool);
    const [one, other] = [await runningTask(db.pool), await runningTask(db.pool)];
    const waiting = watch.attend(one.fence, never, waitsFor);
    const elsewhere = watch.attend(other.fence, never, (signal) => sleep(1_500, 'undisturbed', { signal }));
    await sleep(400);
    await commandTask(db.pool, one.row, { action: 'pause', channel: 'api' });
    const began = performance.now();
    await expect(waiting).rejects.toBeInstanceOf(FencedError);
    expect(performance.now() - began).toBeLessThan(1_000);
    expect(await elsewhere).toBe('undisturbed');
  });

  it('ends what begins to wait after the command, and what waits for a task that is gone', async () => {
    const watch = new FenceWatch(db.pool);
    const { row, fence } = await runningTask(db.pool);
    await commandTask(db.pool, row, { action: 'terminate', channel: 'api' });
    await expect(watch.attend(fence, never, waitsFor)).rejects.toBeInstanceOf(FencedError);
    const gone = { ...fenceOf(row), taskId: '00000000-0000-4000-8000-000000000000' };
    await expect(watch.attend(gone, never, waitsFor)).rejects.toBeInstanceOf(FencedError);
  });

  it('passes the signal of the activity on, and leaves a body alone that does not wait', async () => {
    const watch = new FenceWatch(db.pool);
    const { fence } = await runningTask(db.pool);
    const controller = new AbortController();
    const waiting = watch.attend(fence, controller.signal, waitsFor);
    controller.abort();
    await expect(waiting).rejects.toThrow(/abort/i);
    await expect(watch.attend(fence, controller.signal, waitsFor)).rejects.toThrow(/abort/i);
    expect(await watch.attend(fence, never, async () => 'done')).toBe('done');
  });
});
