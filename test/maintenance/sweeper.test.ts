import { Readable } from 'node:stream';
import pino from 'pino';
import { beforeEach, expect, it } from 'vitest';
import type { Action } from '../../src/contract/states.js';
import { Patience, sweepOrphans, sweepUndelivered } from '../../src/maintenance/sweeper.js';
import { commandTask } from '../../src/tasks/commands.js';
import { getTaskById } from '../../src/tasks/tasks.js';
import { useApi } from '../api/support.js';
import { newUpload } from '../postgres/support.js';

const api = useApi();
/** What was logged, line by line. */
const logged: string[] = [];
const log = pino({ level: 'warn' }, { write: (line: string) => logged.push(line) });
beforeEach(() => {
  api.temporal.away = false;
});

const sweep = (patience = new Patience()) =>
  sweepUndelivered({ pool: api.pool, store: api.store, temporal: api.temporal.gateway, log }, patience);

/** An upload that was written down a while ago, with a command if one is named, and of which the workflow was told nothing. */
async function undelivered(action?: Action) {
  const row = await newUpload(api.pool);
  if (action) await commandTask(api.pool, row, { action, channel: 'api' });
  await api.pool.query(`UPDATE long_task.tasks SET updated_at = now() - interval '1 minute' WHERE id = $1`, [row.id]);
  return { id: row.workflow_id, row: () => getTaskById(api.pool, row.id) };
}

it('delivers a start, once', async () => {
  const task = await undelivered();
  await sweep();
  await sweep();
  expect(await api.temporal.told(task.id)).toEqual(['start']);
  expect((await task.row()).undelivered).toBeNull();
});

it('starts the workflow for a command that came before it', async () => {
  const task = await undelivered('pause');
  await sweep();
  expect(await api.temporal.told(task.id)).toEqual(['start', 'pause {"recorded":true}']);
  expect((await task.row()).undelivered).toBeNull();
});

it('harms nothing when two sweep at once', async () => {
  const task = await undelivered('terminate');
  await Promise.all([sweep(), sweep()]);
  expect((await task.row()).undelivered).toBeNull();
  expect((await task.row()).state).toBe('terminating');
});

it('leaves young ones to their requests', async () => {
  const task = await undelivered();
  await api.pool.query('UPDATE long_task.tasks SET updated_at = now() WHERE workflow_id = $1', [task.id]);
  await sweep();
  expect(await api.temporal.told(task.id)).toEqual([]);
  await api.pool.query('UPDATE long_task.tasks SET undelivered = NULL');
});

it('removes stored sources that no unfinished task needs, and no other', async () => {
  const [open, ended, orphan] = ['uploads/open', 'uploads/ended', 'uploads/orphan'];
  for (const key of [open, ended, orphan]) await api.store.put(key, Readable.from([Buffer.from('a\n1\n')]));
  for (const key of [open, ended]) {
    await newUpload(api.pool, { taskName: key, source: { key, filename: 'a.csv', size: 4, sha256: '' } });
  }
  await api.pool.query(`UPDATE long_task.tasks SET state = 'completed', undelivered = NULL WHERE task_name = $1`, [
    ended,
  ]);
  await sweepOrphans({ pool: api.pool, store: api.store, log }, -1_000);
  expect((await api.store.list('uploads/')).filter((key) => [open, ended, orphan].includes(key))).toEqual([open]);
  await api.pool.query('UPDATE long_task.tasks SET undelivered = NULL');
});

it('stops at the first when Temporal is away', async () => {
  const task = await undelivered();
  api.temporal.away = true;
  await expect(sweep()).rejects.toMatchObject({ code: 'temporal_unavailable' });
  expect((await task.row()).undelivered).toBe('start');
  await api.pool.query('UPDATE long_task.tasks SET undelivered = NULL');
});

it('waits longer and longer for one that cannot be told', async () => {
  const task = await undelivered();
  // Longer than the server takes: a refusal of this one call.
  await api.pool.query(`UPDATE long_task.tasks SET workflow_id = repeat('x', 2000) WHERE workflow_id = $1`, [task.id]);
  const refusals = () => logged.filter((line) => line.includes('cannot be delivered')).length;
  const before = refusals();
  const patience = new Patience();
  await sweep(patience);
  await sweep(patience);
  expect(refusals() - before).toBe(1);
});
