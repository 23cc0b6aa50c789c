import pino from 'pino';
import { beforeEach, expect, it } from 'vitest';
import type { Action } from '../../src/contract/states.js';
import { dispatchOnce } from '../../src/maintenance/dispatcher.js';
import { withTransaction } from '../../src/postgres/pool.js';
import { commandTask } from '../../src/tasks/commands.js';
import { listMessages } from '../../src/tasks/outbox.js';
import { changeState } from '../../src/tasks/task-state.js';
import { getTaskById } from '../../src/tasks/tasks.js';
import { dispatchAll } from '../../src/temporal/dispatch.js';
import { useApi } from '../api/support.js';
import { newUpload } from '../postgres/support.js';

const api = useApi();
/** What was logged, line by line. */
const logged: string[] = [];
const log = pino({ level: 'warn' }, { write: (line: string) => logged.push(line) });
beforeEach(async () => {
  api.temporal.away = false;
  await api.pool.query('DELETE FROM long_task.outbox');
});

const dispatch = () => dispatchOnce({ pool: api.pool, temporal: api.temporal.gateway, log });
const makeDue = () => api.pool.query(`UPDATE long_task.outbox SET next_attempt_at = now() - interval '1 second'`);

/** An upload with a command if one is named, whose messages are due and were not sent. */
async function recorded(action?: Action) {
  const row = await newUpload(api.pool);
  if (action) await commandTask(api.pool, row, { action, channel: 'api' });
  await makeDue();
  const messages = () => listMessages(api.pool, row);
  return { id: row.workflow_id, row, now: () => getTaskById(api.pool, row.id), messages };
}

it('sends a start, once', async () => {
  const task = await recorded();
  await dispatch();
  await dispatch();
  expect(await api.temporal.received(task.id)).toEqual(['start']);
  expect(await task.messages()).toEqual([]);
});

it('starts the workflow before a command', async () => {
  const task = await recorded('pause');
  await dispatch();
  expect(await api.temporal.received(task.id)).toEqual(['start', 'commandRecorded {"action":"pause"}']);
  expect(await task.messages()).toEqual([]);
});

it('starts the workflow for a command that overtakes its start', async () => {
  const task = await recorded('pause');
  await api.pool.query(`UPDATE long_task.outbox SET next_attempt_at = now() + interval '1 hour' WHERE kind = 'start'`);
  await dispatch();
  expect(await api.temporal.received(task.id)).toEqual(['start', 'commandRecorded {"action":"pause"}']);
});

it.each([
  [['pause', 'resume', 'pause', 'resume'], 'pause'],
  [['pause', 'terminate'], 'terminate'],
] as [Action[], Action][])('sends one signal for all of %j', async (actions, sent) => {
  const { id, row, messages, now } = await recorded('pause');
  await dispatch();
  for (const action of actions) await commandTask(api.pool, await now(), { action, channel: 'api' });
  await makeDue();
  const many = Array.from({ length: 5 }, () => dispatch());
  await Promise.all([dispatchAll({ pool: api.pool, temporal: api.temporal.gateway }, row), ...many]);
  const signals = (await api.temporal.received(id)).slice(2);
  expect(signals.length).toBeLessThanOrEqual(6);
  expect(new Set(signals)).toEqual(new Set([`commandRecorded {"action":"${sent}"}`]));
  expect(await messages()).toEqual([]);
});

it('harms nothing when two dispatch at once', async () => {
  const task = await recorded('terminate');
  await Promise.all([dispatch(), dispatch()]);
  expect(await task.messages()).toEqual([]);
  expect((await task.now()).state).toBe('terminating');
});

it('leaves young messages to their requests', async () => {
  const row = await newUpload(api.pool);
  await dispatch();
  expect(await api.temporal.received(row.workflow_id)).toEqual([]);
  expect(await listMessages(api.pool, row)).toMatchObject([{ kind: 'start', attempts: 0 }]);
});

it('leaves kinds of a newer version alone', async () => {
  const { row, id } = await recorded();
  await api.pool.query(`INSERT INTO long_task.outbox (task_id, kind) VALUES ($1, 'webhook')`, [row.id]);
  await makeDue();
  await dispatch();
  expect(await api.temporal.received(id)).toEqual(['start']);
  const { rows } = await api.pool.query('SELECT kind, attempts FROM long_task.outbox');
  expect(rows).toEqual([{ kind: 'webhook', attempts: 0 }]);
});

it('sends nothing to the workflow of an ended task, and removes the message', async () => {
  const task = await recorded('terminate');
  await api.pool.query(`UPDATE long_task.tasks SET state = 'terminated' WHERE id = $1`, [task.row.id]);
  await dispatch();
  expect(await api.temporal.received(task.id)).toEqual([]);
  expect(await task.messages()).toEqual([]);
});

it('a change that is rolled back leaves no message', async () => {
  const task = await recorded();
  const undone = withTransaction(api.pool, async (client) => {
    await changeState(client, task.row, { verb: 'pause_requested', to: 'pausing', channel: 'api', notify: 'pause' });
    throw new Error('undone');
  });
  await expect(undone).rejects.toThrow('undone');
  expect((await task.messages()).map(({ kind }) => kind)).toEqual(['start']);
});

it('stops at the first when Temporal is away, and has all due again at once', async () => {
  const task = await recorded();
  api.temporal.away = true;
  await expect(dispatch()).rejects.toMatchObject({ code: 'temporal_unavailable' });
  expect(await task.messages()).toMatchObject([{ kind: 'start', attempts: 0 }]);
  api.temporal.away = false;
  await dispatch();
  expect(await api.temporal.received(task.id)).toEqual(['start']);
});

it('waits longer and longer for a message that Temporal refuses', async () => {
  const task = await recorded();
  // Longer than the server takes: a refusal of this one call.
  await api.pool.query(`UPDATE long_task.tasks SET workflow_id = repeat('x', 2000) WHERE workflow_id = $1`, [task.id]);
  const waits: number[] = [];
  for (let i = 0; i < 7; i++) {
    await dispatch();
    await dispatch();
    const { rows } = await api.pool.query(
      'SELECT round(extract(epoch FROM next_attempt_at - clock_timestamp()))::int AS wait FROM long_task.outbox',
    );
    waits.push(rows[0].wait);
    await makeDue();
  }
  expect(waits).toEqual([4, 8, 16, 32, 60, 60, 60]);
  expect(logged.filter((line) => line.includes('could not send message'))).toHaveLength(7);
});
