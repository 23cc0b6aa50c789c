import { describe, expect, it } from 'vitest';
import { withTransaction } from '../../src/postgres/pool.js';
import { commandTask, faultTask, settleTask } from '../../src/tasks/commands.js';
import { finishRollback, markRollbackFailed } from '../../src/tasks/endings.js';
import { changeState } from '../../src/tasks/task-state.js';
import { getTaskById } from '../../src/tasks/tasks.js';
import { runningTask, useDatabase } from '../postgres/support.js';

const db = useDatabase();
const by = { channel: 'api', actor: 'ana' } as const;

describe('a command', () => {
  it('changes nothing when it is in effect already', async () => {
    const { row } = await runningTask(db.pool);
    const first = await commandTask(db.pool, row, { ...by, action: 'pause' });
    const second = await commandTask(db.pool, row, { ...by, action: 'pause' });
    expect([first.changed, second.changed]).toEqual([true, false]);
    expect(second.row.version).toBe(first.row.version);
  });

  it('is refused in a final state, naming the state and what is allowed', async () => {
    const { row } = await runningTask(db.pool);
    await commandTask(db.pool, row, { ...by, action: 'terminate' });
    await withTransaction(db.pool, (client) => finishRollback(client, row.id));
    await expect(commandTask(db.pool, row, { ...by, action: 'resume' })).rejects.toMatchObject({
      code: 'illegal_transition',
      extras: { current_state: 'terminated', allowed_actions: [] },
    });
  });

  it('takes a pause back when resume comes while the task is still pausing', async () => {
    const { row } = await runningTask(db.pool);
    await commandTask(db.pool, row, { ...by, action: 'pause' });
    const { row: resumed } = await commandTask(db.pool, row, { ...by, action: 'resume' });
    expect(resumed).toMatchObject({ state: 'running', epoch: row.epoch + 2, pause_reasons: [] });
  });

  it('is written down with who, by which channel, why, from and to', async () => {
    const { row } = await runningTask(db.pool);
    await commandTask(db.pool, row, { ...by, action: 'pause', reason: 'lunch' });
    const { rows } = await db.pool.query(
      'SELECT * FROM long_task.task_events WHERE task_id = $1 ORDER BY id DESC LIMIT 1',
      [row.id],
    );
    expect(rows[0]).toMatchObject({
      actor: 'ana',
      channel: 'api',
      action: 'pause_requested',
      reason: 'lunch',
      from_state: 'running',
      to_state: 'pausing',
    });
  });

  it('leaves one state and one epoch per change when many come at once', async () => {
    const { row } = await runningTask(db.pool);
    const commands = Array.from({ length: 40 }, (_, i) =>
      commandTask(db.pool, row, { ...by, action: i % 2 ? 'resume' : 'pause' }),
    );
    const changed = (await Promise.all(commands)).filter((answer) => answer.changed).length;
    const after = await getTaskById(db.pool, row.id);
    expect(after.epoch).toBe(row.epoch + changed);
    expect(['running', 'pausing']).toContain(after.state);
  });
});

describe('settling', () => {
  it('turns pausing into paused and keeps the reason', async () => {
    const { row } = await runningTask(db.pool);
    await commandTask(db.pool, row, { ...by, action: 'pause', reason: 'lunch' });
    expect(await settleTask(db.pool, row.id)).toEqual({ next: 'wait' });
    expect(await getTaskById(db.pool, row.id)).toMatchObject({ state: 'paused', pause_reasons: ['lunch'] });
  });

  it('asks for the rollback of a terminating task and for nothing of a final one', async () => {
    const { row } = await runningTask(db.pool);
    await commandTask(db.pool, row, { ...by, action: 'terminate' });
    expect(await settleTask(db.pool, row.id)).toEqual({ next: 'rollback' });
    await withTransaction(db.pool, (client) => finishRollback(client, row.id));
    expect(await settleTask(db.pool, row.id)).toEqual({ next: 'done', state: 'terminated' });
  });
});

describe('a fault', () => {
  it('pauses a task at its reject limit, and a resume clears it', async () => {
    const { row } = await runningTask(db.pool);
    await faultTask(db.pool, row.id, row.epoch, { code: 'reject_limit', detail: 'row 7', row: 7 });
    // Temporal learns the place of it and nothing else.
    expect(await settleTask(db.pool, row.id)).toEqual({
      next: 'wait',
      fault: { code: 'reject_limit', row: 7 },
      maxRejects: 0,
    });
    expect(await getTaskById(db.pool, row.id)).toMatchObject({
      state: 'paused',
      pause_reasons: ['reject_limit'],
      error: { row: 7 },
    });
    const { row: resumed } = await commandTask(db.pool, row, { ...by, action: 'resume', maxRejects: 5 });
    expect(resumed).toMatchObject({ state: 'running', error: null, options: { max_rejects: 5 } });
  });

  it('of any other kind ends as failed, after the rollback', async () => {
    const { row } = await runningTask(db.pool);
    await faultTask(db.pool, row.id, row.epoch, { code: 'unclosed_quote', detail: 'row 7' });
    expect((await getTaskById(db.pool, row.id)).state).toBe('terminating');
    expect(await withTransaction(db.pool, (client) => finishRollback(client, row.id))).toBe('failed');
  });

  it('decides how the rollback ends, also when a terminate comes while the rollback cannot finish', async () => {
    const { row } = await runningTask(db.pool);
    await faultTask(db.pool, row.id, row.epoch, { code: 'unclosed_quote', detail: 'row 7' });
    await markRollbackFailed(db.pool, row.id, 'the table is in use');
    await commandTask(db.pool, row, { ...by, action: 'terminate' });
    expect(await withTransaction(db.pool, (client) => finishRollback(client, row.id))).toBe('failed');
  });

  it('at the reject limit ends as terminated when a person then terminates the paused task', async () => {
    const { row } = await runningTask(db.pool);
    await faultTask(db.pool, row.id, row.epoch, { code: 'reject_limit', detail: 'row 7' });
    await commandTask(db.pool, row, { ...by, action: 'terminate' });
    expect(await withTransaction(db.pool, (client) => finishRollback(client, row.id))).toBe('terminated');
  });

  it('does not undo a command that came first', async () => {
    const { row } = await runningTask(db.pool);
    await commandTask(db.pool, row, { ...by, action: 'terminate' });
    expect(await faultTask(db.pool, row.id, row.epoch, { code: 'reject_limit', detail: 'row 7' })).toBe(false);
    expect((await getTaskById(db.pool, row.id)).state).toBe('terminating');
  });
});

describe('what is brought twice', () => {
  it('applies a command once, also when others have come since', async () => {
    const { row } = await runningTask(db.pool);
    const resume = { action: 'resume', channel: 'signal', key: 'run/7/0' } as const;
    expect((await commandTask(db.pool, row, resume)).changed).toBe(false); // It runs already.
    await commandTask(db.pool, row, { ...by, action: 'pause' });
    expect((await commandTask(db.pool, row, resume)).changed).toBe(false);
    expect((await getTaskById(db.pool, row.id)).state).toBe('pausing');
    expect((await commandTask(db.pool, row, { ...resume, key: 'run/8/0' })).changed).toBe(true);
  });

  it('does not pause a task that was resumed for what has stopped it before', async () => {
    const { row } = await runningTask(db.pool);
    const fault = { code: 'reject_limit', detail: 'row 7' } as const;
    await faultTask(db.pool, row.id, row.epoch, fault);
    const { row: resumed } = await commandTask(db.pool, row, { ...by, action: 'resume', maxRejects: 5 });
    await faultTask(db.pool, row.id, row.epoch, fault);
    expect((await getTaskById(db.pool, row.id)).state).toBe('running');
    await faultTask(db.pool, row.id, resumed.epoch, fault);
    expect((await getTaskById(db.pool, row.id)).state).toBe('pausing');
  });
});

describe('a change of state', () => {
  it('is refused where the state machine has no such transition', async () => {
    const { row } = await runningTask(db.pool);
    const change = { verb: 'paused', to: 'paused', channel: 'service' } as const;
    await expect(withTransaction(db.pool, (client) => changeState(client, row, change))).rejects.toThrow(
      'no transition running -> paused -> paused',
    );
    expect((await getTaskById(db.pool, row.id)).state).toBe('running');
  });

  it('records verbs of its own from the start to the end', async () => {
    const { row } = await runningTask(db.pool);
    await commandTask(db.pool, row, { ...by, action: 'pause' });
    await settleTask(db.pool, row.id);
    await commandTask(db.pool, row, { ...by, action: 'resume' });
    await commandTask(db.pool, row, { ...by, action: 'terminate' });
    await withTransaction(db.pool, (client) => finishRollback(client, row.id));
    const { rows } = await db.pool.query('SELECT action FROM long_task.task_events WHERE task_id = $1 ORDER BY id', [
      row.id,
    ]);
    const verbs = rows.map(({ action }) => action);
    const expected = ['pause_requested', 'paused', 'resumed', 'terminate_requested', 'rolled_back'];
    expect(verbs.slice(-5)).toEqual(expected);
  });
});
