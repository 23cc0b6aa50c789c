import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { settleTask } from '../../src/tasks/commands.js';
import { listMessages } from '../../src/tasks/outbox.js';
import { getTask } from '../../src/tasks/tasks.js';
import { seesWorker, useApi } from './support.js';

const api = useApi();
afterEach(() => {
  api.temporal.away = false;
});

/** An upload that was started, by its name. */
async function started(user_id = 'ana'): Promise<{ user_id: string; task_name: string }> {
  const ref = { user_id, task_name: randomUUID() };
  await api.post('/upload/start', ref);
  return ref;
}

const rowOf = ({ user_id, task_name }: { user_id: string; task_name: string }) =>
  getTask(api.pool, { kind: 'upload', userId: user_id, taskName: task_name });

describe('commands', () => {
  it('pause: under way, in effect, and told to the workflow', async () => {
    const ref = await started();
    const pause = await api.post('/upload/pause', { ...ref, reason: 'lunch' });
    expect([pause.status, pause.json.state, pause.json.pause_reasons]).toEqual([202, 'pausing', ['lunch']]);
    await expect
      .poll(() => api.temporal.received(`upload/ana/${ref.task_name}`))
      .toEqual(['start', 'commandRecorded {"action":"pause","reason":"lunch"}']);
    await settleTask(api.pool, (await rowOf(ref)).id);
    const again = await api.post('/upload/pause/', ref);
    expect([again.status, again.json.state, again.json.allowed_actions]).toEqual([
      200,
      'paused',
      ['resume', 'terminate'],
    ]);
    expect(await listMessages(api.pool, await rowOf(ref))).toEqual([]);
  });

  it('resume takes a new reject limit, of an upload only', async () => {
    const ref = await started();
    await api.post('/upload/pause', ref);
    const resume = await api.post('/upload/resume', { ...ref, max_rejects: 9 });
    expect([resume.status, resume.json.state]).toEqual([200, 'running']);
    expect((await rowOf(ref)).options).toMatchObject({ max_rejects: 9 });
    expect((await api.post('/download/resume', { ...ref, max_rejects: 9 })).json.errors[0].field).toBe('max_rejects');
    expect((await api.post('/upload/pause', { ...ref, max_rejects: 9 })).json.errors[0].field).toBe('max_rejects');
  });

  it('refuses what is illegal, with the state and what is allowed', async () => {
    const ref = await started();
    expect((await api.post('/upload/terminate', ref)).status).toBe(202);
    const { status, json } = await api.post('/upload/resume', ref);
    expect(status).toBe(409);
    expect(json).toMatchObject({ code: 'illegal_transition', current_state: 'terminating', allowed_actions: [] });
  });

  it('does not find a task of another user, kind or name', async () => {
    const ref = await started();
    for (const [url, body] of [
      ['/upload/pause', { ...ref, user_id: 'bob' }],
      ['/download/pause', ref],
      ['/upload/terminate', { ...ref, task_name: 'none' }],
    ] as const) {
      expect((await api.post(url, body)).json).toMatchObject({ status: 404, code: 'task_not_found' });
    }
    expect((await rowOf(ref)).state).toBe('queued');
  });

  it('stands when Temporal is away: 202, the message stays in the outbox', async () => {
    const ref = await started();
    api.temporal.away = true;
    const { status, json } = await api.post('/upload/pause', ref);
    expect([status, json.state]).toEqual([202, 'pausing']);
    expect(await listMessages(api.pool, await rowOf(ref))).toMatchObject([
      { kind: 'command', payload: { action: 'pause' } },
    ]);
    const resume = await api.post('/upload/resume', ref);
    expect([resume.status, resume.json.state]).toEqual([202, 'running']);
  });

  it('starts the workflow that it does not find', async () => {
    const ref = await started();
    await api.temporal.end(`upload/ana/${ref.task_name}`);
    await api.post('/upload/pause', ref);
    await expect
      .poll(() => api.temporal.received(`upload/ana/${ref.task_name}`))
      .toEqual(['start', 'commandRecorded {"action":"pause"}']);
  });
});

describe('progress', () => {
  it('is what PostgreSQL says when the workflow does not answer, and the same by both addresses', async () => {
    const ref = await started();
    const row = await rowOf(ref);
    await settleTask(api.pool, row.id);
    // The parts that the API has found in the file.
    await api.pool.query('DELETE FROM long_task.parts WHERE task_id = $1', [row.id]);
    await api.pool.query(
      `UPDATE long_task.tasks SET phase = 'loading', bytes_total = 1000, rows_total = 100, state_since = now() - interval '2 s', phase_since = now() - interval '2 s' WHERE id = $1`,
      [row.id],
    );
    await api.pool.query(
      `INSERT INTO long_task.parts (task_id, part_no, byte_from, byte_to, rows, rows_done, bytes_done, done) VALUES ($1, 1, 0, 500, 50, 50, 500, true), ($1, 2, 500, 1000, 50, 0, 0, false)`,
      [row.id],
    );
    const { status, json } = await api.post('/upload/progress', ref);
    expect(status).toBe(200);
    expect(json).toMatchObject({
      state: 'running',
      phase: 'loading',
      progress: 41,
      bytes: { done: 500, total: 1000 },
      rows: { done: 50, total: 100, rejected: 0 },
      held: { connections: 0, locks: 0 },
    });
    expect(json.bytes_per_second).toBeGreaterThan(150);
    expect(json.bytes_per_second).toBeLessThanOrEqual(250);
    expect(json.eta_seconds).toBeCloseTo(json.active_seconds, 0);
    expect(json.warnings).toEqual([]);
    await seesWorker(api.pool, '2026-01-01');
    const unserved = await api.post('/upload/progress', ref);
    expect(unserved.json).toMatchObject({
      eta_seconds: null,
      warnings: [expect.stringContaining('No worker is responding')],
    });
    expect((await api.get('/tasks?user_id=ana&limit=1')).json.tasks[0].warnings).toEqual(unserved.json.warnings);
    await seesWorker(api.pool, 'infinity');
    const get = await api.get(`/tasks/upload/${ref.task_name}?user_id=ana`);
    expect(Object.keys(get.json)).toEqual(Object.keys(json));
    const kept = await api.post('/upload/terminate', ref);
    await api.pool.query('DELETE FROM long_task.parts WHERE task_id = $1', [row.id]);
    expect([kept.json.progress, (await api.post('/upload/progress', ref)).json.progress]).toEqual([41, 41]);
  });

  it('answers 304 to who has it as it is, and 200 when it has changed', async () => {
    const ref = await started();
    const url = `/tasks/upload/${ref.task_name}/?user_id=ana`;
    const etag = (await api.get(url)).headers.get('etag')!;
    expect(etag).toMatch(/^W\//);
    const same = await api.get(url, { 'if-none-match': `"other", ${etag}` });
    expect([same.status, same.text, same.headers.get('etag')]).toEqual([304, '', etag]);
    await api.post('/upload/pause', ref);
    expect((await api.get(url, { 'if-none-match': etag })).status).toBe(200);
  });

  it('speaks by the receipt after completion', async () => {
    const ref = await started();
    const receipt = {
      rows_in_file: 10,
      rows_loaded: 9,
      rows_rejected: 1,
      bytes: 100,
      sha256: 'a'.repeat(64),
      columns: [],
      parts: 1,
      seconds: { loading: 2 },
    };
    await api.pool.query(
      `UPDATE long_task.tasks SET state = 'completed', phase = 'publishing', receipt = $2, rows_rejected = 1, phase_seconds = '{"loading": 2}',
              table_name = '"public"."t"', finished_at = now() WHERE task_name = $1`,
      [ref.task_name, receipt],
    );
    expect((await api.post('/upload/progress', ref)).json).toMatchObject({
      state: 'completed',
      phase: null,
      progress: 100,
      eta_seconds: 0,
      bytes: { done: 100, total: 100 },
      rows: { done: 10, total: 10, rejected: 1 },
      bytes_per_second: 50,
      table: '"public"."t"',
      allowed_actions: [],
    });
  });
});

describe('GET /tasks', () => {
  it('pages through all of a user, newest first, each once', async () => {
    const names: string[] = [];
    for (let i = 0; i < 5; i++) names.unshift((await started('paula')).task_name);
    const seen: string[] = [];
    for (let after = ''; ; ) {
      const { json } = await api.get(`/tasks?user_id=paula&limit=2${after && `&after=${after}`}`);
      seen.push(...json.tasks.map((task: { task_name: string }) => task.task_name));
      if (json.next === null) break;
      after = json.next;
    }
    expect(seen).toEqual(names);
  });

  it('filters by state and kind', async () => {
    const ref = await started('fritz');
    await started('fritz');
    await api.post('/upload/pause', ref);
    expect((await api.get('/tasks?user_id=fritz&state=pausing')).json.tasks).toHaveLength(1);
    expect((await api.get('/tasks?user_id=fritz&kind=download')).json).toEqual({ tasks: [], next: null });
  });

  it.each([
    'limit=0',
    'limit=201',
    'limit=x',
    'state=gone',
    'kind=x',
    'after=%F0',
    'after=zzzz',
    'foo=1',
    'limit=1&limit=2',
  ])('refuses %s', async (query) => {
    expect((await api.get(`/tasks?${query}`)).json).toMatchObject({ status: 400, code: 'invalid_request' });
  });
});

describe('GET rejects', () => {
  it('gives them as CSV, page by page, with formulas escaped but in the raw record', async () => {
    const ref = await started();
    const { id } = await rowOf(ref);
    await api.pool.query(
      `INSERT INTO long_task.rejects (task_id, row_no, byte_offset, column_name, value, reason, raw)
       SELECT $1, i, i * 10, 'price', CASE WHEN i = 1 THEN '=1+1' ELSE 'x,"y"' END, 'bad', '="raw"' FROM generate_series(1, 2500) i`,
      [id],
    );
    const { status, headers, text } = await api.get(`/tasks/upload/${ref.task_name}/rejects?user_id=ana`);
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('text/csv; charset=utf-8');
    const lines = text.trimEnd().split('\n');
    expect(lines).toHaveLength(2501);
    expect(lines.slice(0, 3)).toEqual([
      'row,byte_offset,column,code,reason,value,raw',
      `1,10,price,refused_value,bad,'=1+1,"=""raw"""`,
      '2,20,price,refused_value,bad,"x,""y""","=""raw"""',
    ]);
    expect(lines.at(-1)).toMatch(/^2500,/);
  });
});

it('the address / leads to what answers, and each of its links does', async () => {
  const { status, json } = await api.get('/');
  expect([status, json.service]).toEqual([200, 'Long-Task']);
  for (const link of Object.values<string>(json.links)) expect((await api.get(link)).status).not.toBe(404);
});
