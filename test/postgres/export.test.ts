import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { describe, expect, it } from 'vitest';
import { type KeyRange, planRanges, rangeQuery, tuneForRanges } from '../../src/postgres/export.js';
import { type ExportSource, openSource } from '../../src/postgres/export-source.js';
import { inTransaction, withClient } from '../../src/postgres/pool.js';
import { cancellable } from '../../src/postgres/staging.js';
import type { TaskRow } from '../../src/postgres/tasks.js';
import { useDatabase } from './support.js';

const db = useDatabase();
const PARTS = 7;

/** A table as its export plans it, split into so many ranges as it has bytes for. */
async function planned(client: pg.ClientBase, table: string): Promise<{ source: ExportSource; ranges: KeyRange[] }> {
  return inTransaction(client, async () => {
    const source = await openSource(client, { options: { table }, columns: null } as TaskRow);
    const { rows } = await client.query('SELECT pg_table_size($1::oid) AS bytes', [source.oid]);
    return { source, ranges: await planRanges(client, source, Math.max(1, rows[0].bytes) / PARTS) };
  });
}

/** How many ranges a table is split into, and the first column of all of them, one after the other. */
async function readInRanges(client: pg.ClientBase, table: string): Promise<{ ranges: number; values: unknown[] }> {
  const { source, ranges } = await planned(client, table);
  const values: unknown[] = [];
  for (const range of ranges) {
    const { rows } = await client.query({ text: rangeQuery(source, range), rowMode: 'array' });
    values.push(...rows.map(([first]) => first));
  }
  return { ranges: ranges.length, values };
}

const numbers = (n: number) => Array.from({ length: n }, (_, i) => i + 1);

describe('the ranges of an export hold every row once, in the order of the key', () => {
  it.each([
    ['row numbers', '_row bigint PRIMARY KEY', 'SELECT g FROM generate_series(1, 5000) g ORDER BY random()'],
    ['a key with gaps', 'n int PRIMARY KEY', 'SELECT g * g FROM generate_series(1, 5000) g'],
    [
      'a composite key',
      'n int, "a ""b" text, PRIMARY KEY ("a ""b", n)',
      `SELECT g, 'it''s ' || g % 3 FROM generate_series(1, 5000) g`,
    ],
    ['a key of texts that need quotes', 'n text PRIMARY KEY', `SELECT '\\''" ' || g FROM generate_series(1, 5000) g`],
    ['one row', 'n int PRIMARY KEY', 'SELECT 1'],
  ])('%s', async (_name, definition, rows) => {
    await withClient(db.pool, async (client) => {
      await client.query(`CREATE TABLE public.t (${definition}); INSERT INTO public.t ${rows}; ANALYZE public.t`);
      const { rows: expected } = await client.query({
        text: `SELECT * FROM public.t ORDER BY ${definition.includes('"a') ? '"a ""b", n' : '1'}`,
        rowMode: 'array',
      });
      const { ranges, values } = await readInRanges(client, 'public.t');
      expect(values).toEqual(expected.map(([first]) => first));
      if (expected.length > 1) expect(ranges).toBeGreaterThanOrEqual(PARTS);
      await client.query('DROP TABLE public.t');
    });
  });

  it('a table without a key, by its blocks', async () => {
    await withClient(db.pool, async (client) => {
      await client.query(
        `CREATE TABLE public.heap AS SELECT g AS n, repeat('x', 100) AS pad FROM generate_series(1, 5000) g`,
      );
      const { ranges, values } = await readInRanges(client, 'public.heap');
      expect(values).toEqual(numbers(5000));
      expect(ranges).toBeGreaterThanOrEqual(PARTS);
    });
  });

  it('an empty table and a view, as one', async () => {
    await withClient(db.pool, async (client) => {
      await client.query('CREATE TABLE public.none (n int PRIMARY KEY); CREATE VIEW public.seen AS SELECT 1 AS n');
      expect(await readInRanges(client, 'public.none')).toEqual({ ranges: 1, values: [] });
      expect(await readInRanges(client, 'public.seen')).toEqual({ ranges: 1, values: [1] });
    });
  });
});

describe('a statement that takes long', () => {
  it('is cancelled when the signal fires', async () => {
    await withClient(db.pool, async (client) => {
      const abort = new AbortController();
      const running = cancellable(db.pool, client, abort.signal, () => client.query('SELECT pg_sleep(30)'));
      setTimeout(() => abort.abort(), 100);
      await expect(running).rejects.toMatchObject({ code: '57014' });
    });
  });

  it('is cancelled too when the signal has fired between two statements', async () => {
    await withClient(db.pool, async (client) => {
      const abort = new AbortController();
      const running = cancellable(db.pool, client, abort.signal, async () => {
        abort.abort();
        await sleep(300); // The first cancel meets a session that does nothing, and is lost.
        await client.query('SELECT pg_sleep(30)');
      });
      await expect(running).rejects.toMatchObject({ code: '57014' });
    });
  });
});

it('reads a table that we have loaded by its index: no range of it is sorted', async () => {
  await withClient(db.pool, async (client) => {
    await client.query('CREATE TABLE public.t (_row bigint NOT NULL, v text) WITH (autovacuum_enabled = false)');
    // As three writers at once leave it behind: without statistics, in runs that are in order.
    await client.query(
      `INSERT INTO public.t SELECT g, repeat('x', 100) FROM generate_series(1, 100000) g ORDER BY g / 2000 % 10, g`,
    );
    await client.query('ALTER TABLE public.t ADD PRIMARY KEY (_row)');
    const { source, ranges } = await planned(client, 'public.t');
    await tuneForRanges(client, source);
    for (const range of ranges) {
      const { rows } = await client.query(`EXPLAIN ${rangeQuery(source, range)}`);
      expect(rows.map((row) => row['QUERY PLAN']).join('\n')).not.toContain('Sort');
    }
  });
});
