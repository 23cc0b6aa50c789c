import type { ListQuery } from '../src/contract/operator-requests.js';
import { type Figure, limitFigure } from '../testkit/figures.js';
import { count, milliseconds, say } from '../testkit/terminal.js';
import type { Workspace } from '../testkit/workspace.js';

const TASKS = 100_000;
/** Two of the users: the first has half of the tasks, the second 500. */
const LARGE = 'lists 0';
const SMALL = 'lists 7';
const REPEATS = 25;
const LIMIT_MS = 50;
const SCRAPE_MS = 20;

/** What operators ask for, and the dearest questions: those that no task, or only the oldest ones answer. */
const QUERIES: ListQuery[] = [
  {},
  { limit: 200 },
  { sort: 'created' },
  { sort: '-updated' },
  { sort: 'finished' },
  { sort: '-finished' },
  { sort: 'name' },
  { sort: '-name' },
  { user_id: LARGE },
  { user_id: SMALL },
  { user_id: SMALL, sort: '-name' },
  { user_id: 'absent', sort: 'updated' },
  { state: 'failed,terminated' },
  { state: 'paused' },
  { kind: 'download', state: 'failed', sort: 'name' },
  { user_id: LARGE, state: 'terminated', q: '9', sort: '-finished' },
  { q: 'report 9' },
  { q: 'nowhere' },
  { q: 'nowhere', sort: '-name' },
  { q: 'e' },
  { created_before: 'OLD' },
  { created_after: 'OLD', sort: 'created' },
  { finished_before: 'OLD', sort: '-updated' },
  { history: true },
];

/** Measures how long a page of a list takes, first pages and deep ones, among 100,000 tasks that have ended. */
export async function benchLists({ db, client }: Pick<Workspace, 'db' | 'client'>): Promise<Figure[]> {
  await makeTasks(db);
  const { rows } =
    await db.query(`SELECT to_char(min(created_at) + interval '1 hour', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS old
                                     FROM long_task.tasks WHERE user_id LIKE 'lists %'`);
  const times: number[] = [];
  for (const query of QUERIES) {
    const own: number[] = [];
    const asked = Object.fromEntries(
      Object.entries(query).map(([name, value]) => [name, value === 'OLD' ? rows[0].old : value]),
    );
    let after: string | undefined;
    for (let i = 0; i < REPEATS; i++) {
      const began = performance.now();
      const page = await client.listPage({ ...asked, after });
      own.push(performance.now() - began);
      after = page.next ?? undefined;
    }
    say(
      `GET /tasks?${new URLSearchParams(query as Record<string, string>)}: p50 ${milliseconds(at(own, 50))}, max ${milliseconds(at(own, 100))}`,
    );
    times.push(...own);
  }
  const scrapes = await timeScrapes(client.api);
  await db.query(`DELETE FROM long_task.tasks WHERE user_id LIKE 'lists %'`);
  const figure = limitFigure(
    `a page of ${count(TASKS)} tasks, p99 of ${count(times.length)}`,
    at(times, 99),
    'ms',
    LIMIT_MS,
  );
  return [
    { ...figure, measured: `p50 ${milliseconds(at(times, 50))}, p99 ${figure.measured}` },
    limitFigure(`a scrape of /metrics over them, p50 of ${REPEATS}`, at(scrapes, 50), 'ms', SCRAPE_MS),
  ];
}

async function timeScrapes(api: string): Promise<number[]> {
  const times: number[] = [];
  while (times.length < REPEATS) {
    const began = performance.now();
    await (await fetch(`${api}/metrics`)).text();
    times.push(performance.now() - began);
  }
  return times;
}

/** Tasks with receipts as real ones have them. Vacuumed, as they are a minute later by themselves. */
async function makeTasks(db: Workspace['db']): Promise<void> {
  await db.query(
    `INSERT INTO long_task.tasks (kind, user_id, task_name, workflow_id, state, options, source, columns, receipt, table_name,
                                  created_at, updated_at, finished_at)
     SELECT CASE WHEN i % 3 = 0 THEN 'download' ELSE 'upload' END, 'lists ' || CASE WHEN i % 2 = 0 THEN 0 ELSE i % 200 END,
            'report ' || i, 'lists/' || i,
            CASE WHEN i % 50 = 0 THEN 'failed' WHEN i % 20 = 0 THEN 'terminated' ELSE 'completed' END,
            '{"max_rejects": 0, "on_limit": "pause"}', jsonb_build_object('key', 'uploads/' || gen_random_uuid(), 'size', i),
            (SELECT jsonb_agg(jsonb_build_object('original', 'Column ' || c, 'name', 'column_' || c, 'type', 'text',
                                                 'evidence', 'row 1 has the value "x' || c || '"')) FROM generate_series(1, 6) c),
            jsonb_build_object('rows_in_file', i, 'bytes', i, 'sha256', repeat('cd', 32)), '"public"."report_' || i || '"', at, at, at
       FROM (SELECT i, now() - (${TASKS} - i) * interval '15 seconds' AS at FROM generate_series(1, ${TASKS}) i) made`,
  );
  await db.query('VACUUM ANALYZE long_task.tasks');
}

/** Nearest rank. */
function at(times: number[], percent: number): number {
  const sorted = [...times].sort((a, b) => a - b);
  return sorted[Math.ceil((percent / 100) * sorted.length) - 1] as number;
}
