import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DownloadFields, TaskKey } from '../../src/client/client.js';
import { useService } from '../e2e/service.js';

const service = useService();
/** Over 48 MiB of table, so that its export has several parts. */
const ROWS = 150_000;
const WIDE = 'repeat(md5(g::text), 9)';
/** A part takes about a second. */
const RATE = 20_000_000;

beforeAll(() => service.pool.query('CREATE SCHEMA asked'));
afterAll(() => service.pool.query('DROP SCHEMA asked CASCADE'));

let tables = 0;

/** A table whose every row says whose it is, and another one of the same shape. */
async function twoTables(): Promise<{ table: string; other: string }> {
  const [table, other] = [`asked.t${++tables}`, `asked.other${tables}`];
  for (const [name, whose] of [
    [table, 'asked'],
    [other, 'other'],
  ])
    await service.pool.query(
      `CREATE TABLE ${name} AS SELECT g AS id, '${whose}' AS whose, 'b' AS b, ${WIDE} AS wide FROM generate_series(1, ${ROWS}) g`,
    );
  return { table, other };
}

/** Starts an export and waits until some of its parts are done and others are not. */
async function halfExported(fields: DownloadFields, when: 'running' | 'paused'): Promise<TaskKey> {
  const key: TaskKey = { kind: 'download', user_id: 'ana', task_name: `half-${++tables}` };
  await service.client.download(key, { ...fields, max_bytes_per_second: RATE });
  await service.reaches(key, (task) => task.phase === 'dumping' && task.rows.done > 0);
  if (when === 'paused') {
    await service.client.command('pause', key);
    await service.client.waitFor(key, ['paused']);
  }
  return key;
}

async function resultOf(key: TaskKey): Promise<{ code?: string; rows: Record<string, string>[] }> {
  const task = await service.client.waitFor(key, ['completed', 'failed']);
  if (task.state === 'failed') return { code: task.error?.code, rows: [] };
  const text = await (await fetch(new URL(task.download_url as string, service.client.api))).text();
  return { rows: parse(text, { columns: true }) };
}

describe.each(['running', 'paused'] as const)('a table under its export, %s', (when) => {
  it('is swapped by a rename: the file has its rows, and no others', async () => {
    const { table, other } = await twoTables();
    const key = await halfExported({ table }, when);
    await service.pool.query(`BEGIN; ALTER TABLE ${table} RENAME TO old${tables};
      ALTER TABLE ${other} RENAME TO ${table.slice(6)}; COMMIT`);
    if (when === 'paused') await service.client.command('resume', key);
    const { rows } = await resultOf(key);
    expect(rows.length).toBe(ROWS);
    expect(rows.filter(({ whose }) => whose !== 'asked')).toEqual([]);
  }, 60_000);

  it('is emptied and filled with others: target_changed', async () => {
    const { table, other } = await twoTables();
    const key = await halfExported({ table }, when);
    await service.pool.query(`BEGIN; TRUNCATE ${table}; INSERT INTO ${table} TABLE ${other}; COMMIT`);
    if (when === 'paused') await service.client.command('resume', key);
    expect((await resultOf(key)).code).toBe('target_changed');
  }, 60_000);
});

it('a published upload whose columns are renamed crosswise keeps their meaning', async () => {
  const line = (i: number) => `${i},left,right,${'x'.repeat(300)}\n`;
  const csv = `id,first,last,wide\n${Array.from({ length: ROWS }, (_, i) => line(i)).join('')}`;
  const { table, task_name } = await service.uploaded(csv);
  const key = await halfExported({ table: table as string }, 'running');
  for (const [from, to] of [
    ['first', 'x'],
    ['last', 'first'],
    ['x', 'last'],
  ])
    await service.pool.query(`ALTER TABLE ${table} RENAME ${from} TO ${to}`);
  const { rows } = await resultOf(key);
  expect(rows.length).toBe(ROWS);
  expect(rows.every((row) => row.first === 'left' && row.last === 'right')).toBe(true);
  // One that is requested afterwards has the header of the file, above the columns that were loaded from it.
  expect((await service.exported({}, task_name)) === csv).toBe(true);
}, 120_000);

it('a table that is swapped before its export has started is still the one that is exported', async () => {
  const { table, other } = await twoTables();
  await service.worker.stop();
  const key: TaskKey = { kind: 'download', user_id: 'ana', task_name: 'before' };
  await service.client.download(key, { table });
  await service.pool.query(`ALTER TABLE ${table} RENAME TO old; ALTER TABLE ${other} RENAME TO ${table.slice(6)}`);
  await service.startWorker();
  const { rows } = await resultOf(key);
  expect(rows.filter(({ whose }) => whose === 'asked').length).toBe(ROWS);
  expect(rows.length).toBe(ROWS);
}, 60_000);

it('an export that an earlier version has planned is planned again', async () => {
  const { table } = await twoTables();
  const key = await halfExported({ table }, 'paused');
  await service.pool.query(
    `UPDATE long_task.tasks SET export_source = NULL, options = options - 'table_oid' WHERE task_name = $1`,
    [key.task_name],
  );
  await service.client.command('resume', key);
  expect((await resultOf(key)).rows.length).toBe(ROWS);
}, 60_000);

it.each(['live', 'frozen'] as const)(
  'odd tables, %s',
  async (consistency) => {
    await service.pool.query(`CREATE TABLE asked.far_${consistency} (_row bigint PRIMARY KEY, wide text)`);
    await service.pool.query(
      `INSERT INTO asked.far_${consistency} SELECT 9223372036854775807 - g, ${WIDE} FROM generate_series(0, ${ROWS - 1}) g`,
    );
    const far = parse(await service.exported({ table: `asked.far_${consistency}`, consistency }), { from: 2 });
    expect(far.length).toBe(ROWS);
    expect(far.at(-1)?.[0]).toBe('9223372036854775807');
    await service.pool.query(`CREATE VIEW asked.odd_${consistency} AS SELECT 1 AS ctid, 2 AS xmin, 3 AS _row`);
    expect(await service.exported({ table: `asked.odd_${consistency}`, consistency })).toBe('ctid,xmin,_row\n1,2,3\n');
  },
  60_000,
);
