import { describe, expect, it } from 'vitest';
import { getTask } from '../../src/tasks/tasks.js';
import { newUpload } from '../postgres/support.js';
import { endedDownload, endedUpload } from './ended-tasks.js';
import { useApi } from './support.js';

const api = useApi();

const stateOf = async (userId: string, taskName: string) =>
  (await getTask(api.pool, { kind: 'upload', userId, taskName })).state;

/** An upload that was started by the API. */
async function started(user_id: string, task_name: string): Promise<void> {
  expect((await api.post('/upload/start', { user_id, task_name })).status).toBe(202);
}

describe('POST /tasks/actions', () => {
  it('commands the tasks of a filter by the same way as one: fence closed, workflow notified, event written', async () => {
    await started('filter', 'one');
    await started('filter', 'two');
    await started('bystander', 'one');
    const { status, json } = await api.post('/tasks/actions', {
      action: 'pause',
      filter: { user_id: 'filter', state: 'queued,running' },
      reason: 'night',
    });
    expect(status).toBe(200);
    expect(json).toMatchObject({
      action: 'pause',
      dry_run: false,
      count: 2,
      ok: 2,
      no_op: 0,
      failed: 0,
      limit: 200,
      next: null,
    });
    expect(json.results).toEqual(
      ['one', 'two'].map((task_name) => ({
        kind: 'upload',
        user_id: 'filter',
        task_name,
        result: 'ok',
        state: 'pausing',
        error: null,
      })),
    );
    expect(await api.temporal.received('upload/filter/two')).toEqual([
      'start',
      'commandRecorded {"action":"pause","reason":"night"}',
    ]);
    const { json: task } = await api.get('/tasks/upload/one?user_id=filter');
    expect(task.task_events.at(-1)).toMatchObject({
      channel: 'api',
      actor: 'filter',
      reason: 'night',
      to_state: 'pausing',
    });
    expect(await stateOf('bystander', 'one')).toBe('queued');
  });

  it('says of each named task what came of it, and one that fails stops none', async () => {
    await started('named', 'open');
    await started('named', 'paused');
    await api.post('/upload/pause', { user_id: 'named', task_name: 'paused' });
    await endedUpload(api, { userId: 'named', taskName: 'ended' });
    const { json } = await api.post('/tasks/actions', {
      action: 'pause',
      user_id: 'named',
      tasks: ['missing', 'ended', 'paused', 'open', 'open'].map((task_name) => ({ kind: 'upload', task_name })),
    });
    expect(json).toMatchObject({ count: 4, ok: 1, no_op: 1, failed: 2 });
    expect(
      json.results.map(({ task_name, result, state, error }: Record<string, never>) => [
        task_name,
        result,
        state,
        error,
      ]),
    ).toEqual([
      ['missing', 'error', null, expect.objectContaining({ code: 'task_not_found', status: 404 })],
      [
        'ended',
        'error',
        'completed',
        expect.objectContaining({ code: 'illegal_transition', status: 409, allowed_actions: [] }),
      ],
      ['paused', 'no_op', 'pausing', null],
      ['open', 'ok', 'pausing', null],
    ]);
  });

  it('deletes those that have ended, with their files, and no others', async () => {
    const download = await endedDownload(api, { userId: 'tidy' });
    await endedUpload(api, { userId: 'tidy', taskName: 'ended' });
    await started('tidy', 'open');
    const { json } = await api.post('/tasks/actions', { action: 'delete', filter: { user_id: 'tidy' } });
    expect(json).toMatchObject({ count: 3, ok: 2, failed: 1 });
    expect(json.results[2]).toMatchObject({
      task_name: 'open',
      error: { code: 'illegal_transition', current_state: 'queued' },
    });
    expect((await api.get('/tasks?user_id=tidy')).json.tasks).toHaveLength(1);
    expect(await api.store.list(`results/${download.id}`)).toEqual([]);
  });

  it('with dry_run says what would come of it, and changes nothing', async () => {
    await started('dry', 'open');
    await endedUpload(api, { userId: 'dry', taskName: 'ended' });
    const results = async (action: string) => {
      const { json } = await api.post('/tasks/actions', { action, filter: { user_id: 'dry' }, dry_run: true });
      expect(json.dry_run).toBe(true);
      return json.results.map(({ result, state, error }: Record<string, { code: string }>) => [
        result,
        state,
        error?.code,
      ]);
    };
    const refused = ['error', 'completed', 'illegal_transition'];
    expect(await results('pause')).toEqual([['ok', 'pausing', undefined], refused]);
    expect(await results('resume')).toEqual([['no_op', 'queued', undefined], refused]);
    expect(await results('terminate')).toEqual([['ok', 'terminating', undefined], refused]);
    expect(await results('delete')).toEqual([
      ['error', 'queued', 'illegal_transition'],
      ['ok', null, undefined],
    ]);
    expect(await api.temporal.received('upload/dry/open')).toEqual(['start']);
    expect([await stateOf('dry', 'open'), await stateOf('dry', 'ended')]).toEqual(['queued', 'completed']);
  });

  it('takes filter, tasks and dry_run from a form', async () => {
    await started('form', 'one');
    const given: Record<string, string>[] = [
      { filter: '{"user_id":"form"}' },
      { user_id: 'form', tasks: '[{"kind":"upload","task_name":"one"}]' },
    ];
    for (const targets of given) {
      const body = new URLSearchParams({ action: 'pause', dry_run: 'true', ...targets });
      const answer = await fetch(`${api.url}/tasks/actions`, { method: 'POST', body });
      expect(await answer.json()).toMatchObject({ dry_run: true, count: 1, ok: 1 });
    }
    expect(await stateOf('form', 'one')).toBe('queued');
  });

  it('takes 200 at once and continues after them', async () => {
    for (let i = 0; i < 203; i++) await newUpload(api.pool, { userId: 'many', taskName: `t${i}` });
    await api.pool.query(`UPDATE long_task.tasks SET state = 'failed', finished_at = now() WHERE user_id = 'many'`);
    const request = { action: 'delete', filter: { user_id: 'many' } };
    const first = await api.post('/tasks/actions', { ...request, dry_run: true });
    expect([first.json.count, typeof first.json.next]).toEqual([200, 'string']);
    const rest = await api.post('/tasks/actions', { ...request, dry_run: true, after: first.json.next });
    expect([rest.json.count, rest.json.next]).toEqual([3, null]);
    const done = await api.post('/tasks/actions', request);
    expect([done.json.ok, (await api.post('/tasks/actions', { ...request, after: done.json.next })).json.ok]).toEqual([
      200, 3,
    ]);
  });

  const task = { kind: 'upload', task_name: 'a' };
  it.each([
    [{ action: 'pause', filter: {} }, 'filter'],
    [{ action: 'pause' }, 'filter'],
    [{ action: 'pause', filter: { kind: 'upload' }, tasks: [task] }, 'filter'],
    [{ action: 'pause', user_id: 'ana', filter: {} }, 'filter'],
    [{ action: 'pause', user_id: 'ana', filter: { kind: 'upload' } }, 'user_id'],
    [{ action: 'pause', tasks: [task] }, 'tasks.0.user_id'],
    [{ action: 'pause', tasks: [] }, 'tasks'],
    [{ action: 'pause', user_id: 'ana', tasks: Array(201).fill(task) }, 'tasks'],
    [{ action: 'drop', filter: { kind: 'upload' } }, 'action'],
    [{ action: 'pause', filter: { state: 'gone' } }, 'filter.state'],
    [{ action: 'pause', filter: { limit: 3 } }, 'filter.limit'],
    [{ action: 'pause', filter: { kind: 'upload' }, after: 'zzzz' }, 'after'],
    [{ action: 'pause', user_id: 'ana', tasks: [task], after: 'zzzz' }, 'after'],
  ])('refuses %j', async (body, field) => {
    const { json } = await api.post('/tasks/actions', body);
    expect(json).toMatchObject({ status: 400, code: 'invalid_request', errors: [{ field }] });
  });
});
