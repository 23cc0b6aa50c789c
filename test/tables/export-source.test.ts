import type pg from 'pg';
import { beforeEach, describe, expect, it } from 'vitest';
import { inTransaction, withClient } from '../../src/postgres/pool.js';
import { planRanges, rangeQuery } from '../../src/tables/export.js';
import { asPlanned, checkSource, openSource, readingTable, reopenSource } from '../../src/tables/export-source.js';
import type { TaskRow } from '../../src/tasks/tasks.js';
import { useDatabase } from '../postgres/support.js';

const db = useDatabase();
const ROWS = 3_000;

/**
 * Two schemas with a table `t` each, of the same shape and with other rows; a foreign server; a role that may read
 * nothing.
 */
const TABLES = `
  DROP SCHEMA IF EXISTS asked, other, parked CASCADE;
  CREATE SCHEMA asked; CREATE SCHEMA other;
  CREATE TYPE asked.mood AS ENUM ('good', 'bad');
  CREATE TABLE asked.t (a text, b text, m asked.mood);
  INSERT INTO asked.t SELECT 'a' || g, 'b' || g, 'good' FROM generate_series(1, ${ROWS}) g;
  CREATE TABLE other.t (LIKE asked.t); INSERT INTO other.t SELECT 'wrong', 'wrong', 'bad' FROM asked.t;
  CREATE TABLE asked.k (id int PRIMARY KEY, a text COLLATE "C", twice int GENERATED ALWAYS AS (id * 2) VIRTUAL);
  INSERT INTO asked.k SELECT g, 'a' || g FROM generate_series(1, ${ROWS}) g;
  CREATE MATERIALIZED VIEW asked.mv AS SELECT * FROM asked.t;
  CREATE VIEW asked.v AS SELECT a, b FROM asked.t;
  CREATE TABLE asked.parted (id int, a text) PARTITION BY RANGE (id);
  CREATE TABLE asked.part_1 PARTITION OF asked.parted FOR VALUES FROM (0) TO (100);
  INSERT INTO asked.parted SELECT g, 'a' || g FROM generate_series(0, 99) g;`;

beforeEach(async () => {
  await db.pool.query(TABLES);
});

/** Plans the export of a table, has `change` happen, and reads all ranges as parts do. */
async function readAcross(table: string, change: string, columns: TaskRow['columns'] = null): Promise<string[][]> {
  return withClient(db.pool, async (client) => {
    const { planned, ranges } = await readingTable(
      client,
      () => openSource(client, { kind: 'download', options: { table }, columns } as TaskRow),
      async (source) => ({ planned: asPlanned(source), ranges: await planRanges(client, source, 32_768) }),
    );
    await db.pool.query(change);
    const rows: string[][] = [];
    for (const range of ranges) rows.push(...(await readPart(client, planned, range)));
    await checkSource(client, planned);
    return rows;
  });
}

async function readPart(client: pg.ClientBase, ...[planned, range]: Part): Promise<string[][]> {
  return readingTable(
    client,
    () => reopenSource(client, planned),
    async (source) => (await client.query<string[]>({ text: rangeQuery(source, range), rowMode: 'array' })).rows,
  );
}
type Part = [Parameters<typeof reopenSource>[1], Parameters<typeof rangeQuery>[1]];

describe('after the plan', () => {
  it.each([
    ['another table takes its name', 'ALTER TABLE asked.t RENAME TO old; ALTER TABLE other.t SET SCHEMA asked'],
    ['its schema is swapped', 'ALTER SCHEMA asked RENAME TO parked; ALTER SCHEMA other RENAME TO asked'],
    ['it moves to another schema', 'ALTER TABLE other.t RENAME TO u; ALTER TABLE asked.t SET SCHEMA other'],
    ['it gets a name that needs quotes', `ALTER TABLE asked.t RENAME TO "a.""b""\n${'ü'.repeat(28)}"`],
    [
      'two columns are renamed crosswise',
      'ALTER TABLE asked.t RENAME a TO c; ALTER TABLE asked.t RENAME b TO a; ALTER TABLE asked.t RENAME c TO b',
    ],
    ['a column is added', `ALTER TABLE asked.t ADD COLUMN c int DEFAULT 7`],
    ['an enum gets one more label', `ALTER TYPE asked.mood ADD VALUE 'fair' BEFORE 'bad'`],
    ['it is vacuumed and analyzed', 'ANALYZE asked.t'],
  ])('%s: its rows are read all the same', async (_name, change) => {
    const rows = await readAcross('asked.t', change);
    expect(rows.length).toBe(ROWS);
    expect(rows.every(([a, b, m], i) => a === `a${i + 1}` && b === `b${i + 1}` && m === 'good')).toBe(true);
  });

  it.each([
    ['asked.t', 'DROP TABLE asked.t CASCADE'],
    ['asked.t', 'DROP TABLE asked.t CASCADE; CREATE TABLE asked.t AS TABLE other.t'],
    ['asked.t', 'TRUNCATE asked.t'],
    ['asked.t', 'VACUUM FULL asked.t'],
    ['asked.t', 'ALTER TABLE asked.t ADD COLUMN r float DEFAULT random()'],
    ['asked.t', 'DROP VIEW asked.v; DROP MATERIALIZED VIEW asked.mv; ALTER TABLE asked.t DROP COLUMN a'],
    [
      'asked.t',
      `ALTER TYPE asked.mood RENAME VALUE 'good' TO 'x'; ALTER TYPE asked.mood RENAME VALUE 'bad' TO 'good'; ALTER TYPE asked.mood RENAME VALUE 'x' TO 'bad'`,
    ],
    ['asked.t', `ALTER TABLE asked.t ENABLE ROW LEVEL SECURITY`],
    ['asked.k', 'CLUSTER asked.k USING k_pkey'],
    ['asked.k', 'ALTER TABLE asked.k ALTER a TYPE text COLLATE "POSIX"'],
    ['asked.k', 'ALTER TABLE asked.k ALTER a TYPE varchar'],
    ['asked.k', 'ALTER TABLE asked.k ALTER twice SET EXPRESSION AS (id * 3)'],
    ['asked.mv', 'REFRESH MATERIALIZED VIEW asked.mv'],
    ['asked.v', `CREATE OR REPLACE VIEW asked.v AS SELECT b AS a, a AS b FROM (SELECT a AS b, b AS a FROM other.t) s`],
  ])('%s, %s: target_changed', async (table, change) => {
    await expect(readAcross(table, change)).rejects.toMatchObject({ code: 'target_changed' });
  });

  it('what a view reads from is renamed: it is the same view', async () => {
    const rows = await readAcross('asked.v', 'ALTER TABLE asked.t RENAME TO u; ALTER TABLE asked.u RENAME a TO c');
    expect(rows[ROWS - 1]).toEqual([`a${ROWS}`, `b${ROWS}`]);
  });

  it('the columns of an upload are those of its table, even after a rename', async () => {
    const column = { original: 'x', type: 'text', evidence: '' };
    const columns = [
      { ...column, name: 'a', number: 1 },
      { ...column, name: 'b', number: 2 },
    ];
    await db.pool.query('ALTER TABLE asked.t RENAME a TO c; ALTER TABLE asked.t RENAME b TO a');
    expect((await readAcross('asked.t', '', columns))[0]).toEqual(['a1', 'b1']);
    await db.pool.query('DROP VIEW asked.v; DROP MATERIALIZED VIEW asked.mv; ALTER TABLE asked.t DROP COLUMN a');
    await expect(readAcross('asked.t', '', columns)).rejects.toMatchObject({ code: 'target_changed' });
  });
});

/** Fails where it would have to wait for a lock. */
async function changeSoon(change: string): Promise<void> {
  await db.pool.query(`BEGIN; SET LOCAL lock_timeout = 200; ${change}; COMMIT`);
}

describe('while a part is read', () => {
  /** What `change` does between the look at the table and the reading of it. */
  async function readBeside(change: string): Promise<unknown> {
    return withClient(db.pool, async (client) => {
      const open = () =>
        openSource(client, { kind: 'download', options: { table: 'asked.t' }, columns: null } as TaskRow);
      return readingTable(client, open, async (source) => {
        await changeSoon(change);
        return (await client.query(`SELECT count(*)::int FROM ${source.table} WHERE a <> 'wrong'`)).rows[0].count;
      });
    });
  }

  it.each([
    'ALTER TABLE asked.t RENAME TO old',
    'ALTER TABLE asked.t RENAME a TO c',
    'ALTER TABLE asked.t SET SCHEMA other',
    'TRUNCATE asked.t',
    'DROP TABLE asked.t CASCADE',
  ])('%s has to wait', async (change) => {
    await expect(readBeside(change)).rejects.toMatchObject({ code: '55P03' });
  });

  it('a schema swap, which no lock keeps away, is found at the end, and the part read again', async () => {
    const swap = readBeside('ALTER SCHEMA asked RENAME TO parked; ALTER SCHEMA other RENAME TO asked');
    await expect(swap).rejects.toThrow('the schema of the table was renamed');
  });

  it('so are labels of an enum', async () => {
    const rename = readBeside(`ALTER TYPE asked.mood RENAME VALUE 'good' TO 'fine'`);
    await expect(rename).rejects.toMatchObject({ code: 'target_changed' });
  });

  it.each([
    ['asked.mv', 'REFRESH MATERIALIZED VIEW asked.mv'],
    ['asked.v', 'TRUNCATE asked.t'],
    ['asked.parted', 'TRUNCATE asked.part_1'],
    ['asked.v', 'DROP VIEW asked.v'],
  ])('%s is locked against %s', async (table, change) => {
    await withClient(db.pool, (client) =>
      inTransaction(client, async () => {
        await openSource(client, { kind: 'download', options: { table }, columns: null } as TaskRow);
        await expect(changeSoon(change)).rejects.toMatchObject({ code: '55P03' });
      }),
    );
  });
});

it('a table that is swapped just before it is locked is found under its new name', async () => {
  const swapper = await db.pool.connect();
  await swapper.query('BEGIN; ALTER TABLE asked.t RENAME TO old; ALTER TABLE other.t SET SCHEMA asked');
  const rows = readAcross('asked.t', ''); // Finds the oid under its name, and waits for the lock.
  // Tests of other files wait for locks of theirs, in databases of the same server.
  const waiting = `SELECT FROM pg_locks WHERE NOT granted AND relation = 'asked.t'::regclass
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;
  await expect.poll(async () => (await db.pool.query(waiting)).rowCount).toBe(1);
  await swapper.query('COMMIT');
  swapper.release();
  expect((await rows)[0]).toEqual(['a1', 'b1', 'good']);
});

describe('costs', () => {
  it('a few milliseconds per part', async () => {
    await withClient(db.pool, async (client) => {
      const planned = await inTransaction(client, async () =>
        asPlanned(
          await openSource(client, { kind: 'download', options: { table: 'asked.k' }, columns: null } as TaskRow),
        ),
      );
      const times: number[] = [];
      for (let i = 0; i < 50; i++) {
        const began = performance.now();
        await readingTable(
          client,
          () => reopenSource(client, planned),
          async () => {},
        );
        times.push(performance.now() - began);
      }
      expect(times.sort((a, b) => a - b)[25]).toBeLessThan(100);
    });
  });
});
