import { beforeAll, describe, expect, it } from 'vitest';
import { SORTS } from '../../src/contract/operator-requests.js';
import { newUpload } from '../postgres/support.js';
import { endedDownload, endedUpload } from './ended-tasks.js';
import { useApi } from './support.js';

const api = useApi();

type Listed = { task_name: string; user_id: string };
const names = async (query: string): Promise<string[]> => {
  const { status, json } = await api.get(`/tasks?${query}`);
  expect([status, json.detail]).toEqual([200, undefined]);
  return json.tasks.map((task: Listed) => task.task_name);
};

/** All pages of a list; `between` comes after each. */
async function walk(
  query: string,
  between: () => Promise<unknown> = async () => {},
  shown: keyof Listed = 'task_name',
): Promise<string[]> {
  const seen: string[] = [];
  for (let after = ''; ; ) {
    const { json } = await api.get(`/tasks?${query}${after && `&after=${after}`}`);
    seen.push(...json.tasks.map((task: Listed) => task[shown]));
    if (json.next === null) return seen;
    after = json.next;
    await between();
  }
}

/** Sets times of a task, in minutes after a fixed one. */
async function at(id: string, minute: number): Promise<void> {
  await api.pool.query(
    `UPDATE long_task.tasks SET created_at = $2::timestamptz + make_interval(mins => $3),
            updated_at = $2::timestamptz + make_interval(mins => 100 - $3), finished_at = CASE WHEN finished_at IS NOT NULL
              THEN $2::timestamptz + make_interval(mins => $3 * 7 % 10) END WHERE id = $1`,
    [id, '2026-01-31 12:00:00.123456+00', minute],
  );
}

describe('filters', () => {
  beforeAll(async () => {
    const user = { userId: 'filter' };
    const tasks = [
      await endedUpload(api, { ...user, taskName: 'Umsatz 100%', table: 'umsatz' }),
      await endedUpload(api, { ...user, taskName: 'umsatz_neu', state: 'failed' }),
      await endedDownload(api, { ...user, taskName: 'ÄPFEL' }),
      await newUpload(api.pool, { ...user, taskName: 'open' }),
      await endedUpload(api, { ...user, taskName: 'old', state: 'terminated' }),
    ];
    for (const [i, { id }] of tasks.entries()) await at(id, i);
    await api.pool.query('UPDATE long_task.tasks SET superseded_at = now() WHERE id = $1', [tasks[4]!.id]);
  });

  it.each([
    ['', ['open', 'ÄPFEL', 'umsatz_neu', 'Umsatz 100%']],
    ['&state=failed', ['umsatz_neu']],
    ['&state=queued,failed', ['open', 'umsatz_neu']],
    ['&kind=download', ['ÄPFEL']],
    ['&q=UMSATZ', ['umsatz_neu', 'Umsatz 100%']],
    ['&q=%C3%A4pf', ['ÄPFEL']],
    ['&q=%25', ['Umsatz 100%']],
    ['&q=_', ['umsatz_neu']],
    ['&q=public.umsatz', ['Umsatz 100%']],
    ['&q=%22public%22.%22umsatz%22', ['Umsatz 100%']],
    ['&q=public.any', ['ÄPFEL']],
    ['&q=nowhere', []],
    ['&created_before=2026-01-31T12:01:00.123456Z', ['Umsatz 100%']],
    ['&created_before=2026-01-31T13:01:00.123457%2B01:00', ['umsatz_neu', 'Umsatz 100%']],
    ['&created_before=2026-01-31T13:01:00.123457+01:00', ['umsatz_neu', 'Umsatz 100%']],
    ['&created_after=2026-01-31T12:02:00.123456Z', ['open']],
    ['&created_after=2026-01-31T12:00:30Z&created_before=2026-01-31T12:02:30Z', ['ÄPFEL', 'umsatz_neu']],
    ['&finished_before=2026-01-31T12:05:00Z', ['ÄPFEL', 'Umsatz 100%']],
    ['&history=true', ['old']],
    ['&history=false&state=completed', ['ÄPFEL', 'Umsatz 100%']],
  ])('%s', async (query, expected) => {
    expect(await names(`user_id=filter${query}`)).toEqual(expected);
  });

  it.each([
    ['-created', ['open', 'ÄPFEL', 'umsatz_neu', 'Umsatz 100%']],
    ['created', ['Umsatz 100%', 'umsatz_neu', 'ÄPFEL', 'open']],
    ['-updated', ['Umsatz 100%', 'umsatz_neu', 'ÄPFEL', 'open']],
    ['updated', ['open', 'ÄPFEL', 'umsatz_neu', 'Umsatz 100%']],
    ['finished', ['Umsatz 100%', 'ÄPFEL', 'umsatz_neu', 'open']],
    ['-finished', ['open', 'umsatz_neu', 'ÄPFEL', 'Umsatz 100%']],
    ['name', ['Umsatz 100%', 'open', 'umsatz_neu', 'ÄPFEL']],
    ['-name', ['ÄPFEL', 'umsatz_neu', 'open', 'Umsatz 100%']],
  ])('sorts by %s', async (sort, expected) => {
    expect(await names(`user_id=filter&sort=${sort}`)).toEqual(expected);
    expect(await walk(`user_id=filter&sort=${sort}&limit=1`)).toEqual(expected);
  });

  it.each([
    ['state=failed,gone,lost', /"gone", "lost"/],
    ['state=', /state/],
    ['created_before=yesterday', /ISO 8601/],
    ['created_before=2026-02-30T00:00:00Z', /a valid date and time/],
    ['created_after=2026-01-31T00:00:00%2B23:59', /a valid date and time, its offset at most 15:59/],
    ['finished_before=2026-01-31T00:00:00-16:00', /its offset at most 15:59/],
    ['finished_before=2026-01-31T25:00:00Z', /a valid date and time/],
    ['created_after=2026-01-31T12:00:00', /offset/],
    ['sort=size', /-created, created/],
    [`q=${'x'.repeat(129)}`, /128/],
    ['history=perhaps', /true or false/],
  ])('refuses %s', async (query, detail) => {
    const { json } = await api.get(`/tasks?${query}`);
    expect(json).toMatchObject({ status: 400, code: 'invalid_request' });
    expect(json.detail).toMatch(detail);
  });
});

describe('pages', () => {
  it.each(SORTS)('with equal keys show each once, by %s', async (sort) => {
    const made: string[] = [];
    for (let i = 0; i < 7; i++) {
      const [userId, taskName] = [`equal ${sort} ${i}`, `equal ${sort} ${i < 5 ? 'a' : 'b'}`];
      const { id } = await endedUpload(api, { userId, taskName });
      await at(id, i < 5 ? 3 : 4);
      made.push(userId);
    }
    const seen = await walk(`q=${encodeURIComponent(`equal ${sort} `)}&sort=${sort}&limit=2`, undefined, 'user_id');
    expect(seen).toHaveLength(7);
    expect(seen.toSorted()).toEqual(made.toSorted());
  });

  it.each(SORTS)('under inserts and deletes show each once that was there all the time, by %s', async (sort) => {
    const user = `moving ${sort}`;
    const made: string[] = [];
    for (let i = 0; i < 6; i++) {
      const { id, task_name } = await endedUpload(api, { userId: user, taskName: `n${i}` });
      await at(id, i);
      made.push(task_name);
    }
    let n = 0;
    // Before, between and after those; and of the last page the task goes at which it ended.
    const insert = async () => {
      for (const minute of [-5, 2, 50]) {
        const { id } = await endedUpload(api, { userId: user, taskName: `m${minute}-${n++}` });
        await at(id, minute);
      }
    };
    const first = (await names(`user_id=${encodeURIComponent(user)}&sort=${sort}&limit=2`))[1];
    const seen = await walk(`user_id=${encodeURIComponent(user)}&sort=${sort}&limit=2`, async () => {
      await insert();
      await api.pool.query('DELETE FROM long_task.tasks WHERE user_id = $1 AND task_name = $2', [user, first]);
    });
    expect(seen.filter((name) => name.startsWith('n')).toSorted()).toEqual(made);
    expect(new Set(seen).size).toBe(seen.length);
  });

  it('have cursors that are good for their own list only', async () => {
    for (let i = 0; i < 3; i++) await endedUpload(api, { userId: 'cursor' });
    const { json } = await api.get('/tasks?user_id=cursor&limit=1&state=completed,failed');
    const after = `&after=${json.next}`;
    expect((await api.get(`/tasks?user_id=cursor&limit=2&state=failed,completed${after}`)).json.tasks).toHaveLength(2);
    const other = [
      'user_id=cursor&sort=name',
      'user_id=cursor',
      'state=completed,failed',
      'user_id=cursor&state=failed',
    ];
    for (const query of other) {
      const { json: refusal } = await api.get(`/tasks?${query}${after}`);
      expect(refusal).toMatchObject({ status: 400, errors: [{ field: 'after' }] });
      expect(refusal.detail).toMatch(/another sort or other filters/);
    }
  });
});
