import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TaskKey } from '../../src/client/client.js';
import { useService } from '../e2e/service.js';

const service = useService();
/** Over 32 MiB of table, so that its export has several ranges. */
const ROWS = 150_000;
const WIDE = 'repeat(md5(g::text), 8)';

beforeAll(() => service.pool.query('CREATE SCHEMA odd'));
afterAll(() => service.pool.query('DROP SCHEMA odd CASCADE'));

async function exportedRows(table: string, fields = {}): Promise<string[][]> {
  return parse(await service.exported({ table, ...fields }), { relax_column_count: true });
}

describe('an export in several ranges has every row once', () => {
  it('with a key of a type that has operators of its own', async () => {
    await service.pool.query('CREATE EXTENSION citext SCHEMA public');
    await service.pool.query(`CREATE TABLE odd.ck (k public.citext PRIMARY KEY, pad text)`);
    await service.pool.query(
      `INSERT INTO odd.ck SELECT CASE WHEN (g / 7) % 2 = 0 THEN upper(x) ELSE x END, ${WIDE}
         FROM (SELECT g, translate(md5(g::text), '0123456789abcdef', 'bcdghjkmpqrtuwxz') x FROM generate_series(1, ${ROWS}) g) s`,
    );
    const rows = (await exportedRows('odd.ck')).slice(1);
    expect(rows.length).toBe(ROWS);
    expect(new Set(rows.map(([k]) => k)).size).toBe(ROWS);
  }, 60_000);

  it('with key columns of any name, and others included in the index', async () => {
    await service.pool.query(
      'CREATE TABLE odd.names (place int, total text, more text, PRIMARY KEY (place, total) INCLUDE (more))',
    );
    await service.pool.query(
      `INSERT INTO odd.names SELECT g, 'x', CASE WHEN g % 2 = 0 THEN NULL ELSE ${WIDE} || ${WIDE} END FROM generate_series(1, ${ROWS}) g`,
    );
    const rows = (await exportedRows('odd.names')).slice(1);
    expect(rows.map(([place]) => Number(place))).toEqual(Array.from({ length: ROWS }, (_, i) => i + 1));
  }, 60_000);
});

it('a frozen export comes in the order of the key', async () => {
  await service.pool.query(
    'CREATE TABLE odd.shuffled AS SELECT (g * 7919) % 10007 AS id FROM generate_series(1, 10006) g',
  );
  await service.pool.query('ALTER TABLE odd.shuffled ADD PRIMARY KEY (id)');
  const rows = (await exportedRows('odd.shuffled', { consistency: 'frozen' })).slice(1);
  expect(rows.map(([id]) => Number(id))).toEqual(Array.from({ length: 10_006 }, (_, i) => i + 1));
});

it('a view that raises, and a frozen copy without room, fail with a clear error', async () => {
  await service.pool.query('CREATE VIEW odd.raises AS SELECT 1 / (g - 5) AS x FROM generate_series(1, 10) g');
  await service.pool.query(`CREATE TABLE odd.full (${Array.from({ length: 1600 }, (_, i) => `c${i} int`).join()})`);
  for (const [table, consistency, code] of [
    ['odd.raises', 'live', 'database_refused'],
    ['odd.full', 'frozen', 'unsupported_table'],
  ] as const) {
    const key: TaskKey = { kind: 'download', user_id: 'ana', task_name: table };
    await service.client.download(key, { table, consistency });
    expect((await service.client.waitFor(key, ['failed'])).error?.code).toBe(code);
  }
});

it('a terminate does not wait for the first row', async () => {
  await service.pool.query('CREATE VIEW odd.slow AS SELECT pg_sleep(60)::text AS x');
  const key: TaskKey = { kind: 'download', user_id: 'ana', task_name: 'slow' };
  await service.client.download(key, { table: 'odd.slow' });
  await service.reaches(key, (task) => task.phase === 'dumping' && task.held.connections > 0);
  await service.client.command('terminate', key);
  await service.until(async () => (await service.state(key)) === 'terminated', 5_000);
});

it('an upload is published although a type of arrays has its name', async () => {
  const first: TaskKey = { kind: 'upload', user_id: 'ana', task_name: '_q1' };
  const second: TaskKey = { kind: 'upload', user_id: 'ana', task_name: 'q1' };
  for (const key of [first, second]) await service.client.upload(key, await service.file('a\n1\n'));
  await service.client.waitFor(first, ['completed']);
  expect((await service.client.waitFor(second, ['completed'])).table).toMatch(/^"public"."q1(_2)?"$/);
});

it('a header comes out as it was, or safe for spreadsheets', async () => {
  const empty = await service.uploaded('""\n1\n2\n');
  expect(await service.exported({ table: empty.table as string })).toContain('_row');
  expect(await service.exported({}, empty.task_name)).toBe('""\n1\n2\n');
  for (const formulas of ['raw', 'escape'] as const) {
    // At the beginning of the file each is a byte order mark, elsewhere it belongs to the name.
    const marked = await service.uploaded('\ufeff\ufeffa,\ufeffb\n1,2\n');
    expect(await service.exported({ formulas }, marked.task_name)).toBe('a,"\ufeffb"\n1,2\n');
  }
  const formula = await service.uploaded('=HYPERLINK(x),b\n1,2\n');
  expect(await service.exported({ formulas: 'escape' }, formula.task_name)).toBe("'=HYPERLINK(x),b\n1,2\n");
});
