import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { beforeAll, describe, expect, it } from 'vitest';
import { cancellable } from '../../src/postgres/cancellable.js';
import { inTransaction, withClient } from '../../src/postgres/pool.js';
import { planRanges, rangeQuery, tuneForRanges } from '../../src/tables/export.js';
import { type ExportSource, openCopy, openSource } from '../../src/tables/export-source.js';
import { fillFrozenCopy, indexFrozenCopy } from '../../src/tables/frozen-copy.js';
import { stagingTable } from '../../src/tables/staging.js';
import type { KeyRange } from '../../src/tasks/ranges.js';
import type { TaskRow } from '../../src/tasks/tasks.js';
import { useDatabase } from '../postgres/support.js';

const db = useDatabase();
const PARTS = 7;

/** A table as its export plans it, split into so many ranges as it has bytes for. */
async function planned(client: pg.ClientBase, table: string): Promise<{ source: ExportSource; ranges: KeyRange[] }> {
  return inTransaction(client, async () => {
    const source = await openSource(client, { kind: 'download', options: { table }, columns: null } as TaskRow);
    const { rows } = await client.query('SELECT pg_table_size($1::oid) AS bytes', [source.oid]);
    return { source, ranges: await planRanges(client, source, Math.max(1, rows[0].bytes) / PARTS) };
  });
}

/**
 * How many ranges a table is split into, the first column of all of them, one after the other, and the most rows of one
 * range.
 */
async function readInRanges(
  client: pg.ClientBase,
  table: string,
): Promise<{ ranges: number; values: string[]; most: number }> {
  const { source, ranges } = await planned(client, table);
  const values: string[] = [];
  let most = 0;
  for (const range of ranges) {
    const { rows } = await client.query<string[]>({
      text: rangeQuery(source, range),
      rowMode: 'array',
      types: asTexts,
    });
    values.push(...rows.map(([first]) => first!));
    most = Math.max(most, rows.length);
  }
  return { ranges: ranges.length, values, most };
}

/** Beyond 2^53 the numbers of JavaScript are not exact. */
const asTexts = { getTypeParser: () => String } as unknown as pg.CustomTypesConfig;

const numbers = (n: number) => Array.from({ length: n }, (_, i) => String(i + 1));

const ROW = '_row bigint PRIMARY KEY';
const TYPES = `CREATE COLLATION public.loose (provider = icu, locale = 'und-u-ks-level3', deterministic = false);
  CREATE TYPE public.digits AS ENUM ('one', 'two', 'three'); CREATE DOMAIN public.positive AS int CHECK (VALUE > 0)`;
beforeAll(async () => void (await db.pool.query(TYPES)));

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
    ['row numbers up to 2^63-1', ROW, `SELECT 9223372036854775807 - g FROM generate_series(0, 4999) g`],
    ['row numbers from -2^63', ROW, `SELECT -9223372036854775808 + g FROM generate_series(0, 4999) g`],
    ['row numbers about 0', ROW, 'SELECT g - 2500 FROM generate_series(1, 5000) g'],
    ['row numbers with one far away', ROW, 'SELECT g FROM generate_series(1, 4999) g UNION SELECT 9223372036854775807'],
    ['row numbers with huge gaps', ROW, 'SELECT (g - 2500) * 3000000000000000 FROM generate_series(1, 5000) g'],
    [
      'row numbers of which most are gone',
      ROW,
      'SELECT g FROM generate_series(1, 5000) g WHERE g > 4500 OR g % 100 = 0',
    ],
    ['row numbers that are no bigints', '_row numeric PRIMARY KEY', 'SELECT g * 1e30 FROM generate_series(1, 5000) g'],
    [
      'texts by a collation',
      'n text COLLATE "und-x-icu" PRIMARY KEY',
      `SELECT chr(97 + g % 26) || chr(65 + g % 31) || g FROM generate_series(1, 5000) g`,
    ],
    [
      'texts of which some are equal',
      'n text COLLATE public.loose PRIMARY KEY',
      `SELECT CASE WHEN g % 2 = 0 THEN 'a' ELSE 'A' END || g FROM generate_series(1, 5000) g`,
    ],
    [
      'an enum',
      'n public.digits, m int, PRIMARY KEY (n, m)',
      `SELECT (ARRAY['three', 'one', 'two'])[1 + g % 3]::public.digits, g FROM generate_series(1, 5000) g`,
    ],
    ['arrays', 'n int[] PRIMARY KEY', 'SELECT ARRAY[g % 7, g] FROM generate_series(1, 5000) g'],
    ['padded texts', 'n char(12) PRIMARY KEY', `SELECT ' ' || g % 70 || ' ' || g FROM generate_series(1, 5000) g`],
    ['bits', 'n bit(16) PRIMARY KEY', 'SELECT g::bit(16) FROM generate_series(1, 5000) g'],
    ['bytes', 'n bytea PRIMARY KEY', `SELECT decode(md5(g::text), 'hex') FROM generate_series(1, 5000) g`],
    [
      'times',
      'n timestamptz PRIMARY KEY',
      `SELECT timestamptz '0044-03-15 12:00:00.000001 BC' + g * interval '1 year' FROM generate_series(1, 5000) g`,
    ],
    [
      'floats',
      'n float PRIMARY KEY',
      `SELECT 1.0 / g FROM generate_series(1, 4997) g UNION ALL SELECT unnest('{NaN,Infinity,-Infinity}'::float[])`,
    ],
    [
      'periods',
      `n int, p daterange, PRIMARY KEY (n, p)`,
      `SELECT g % 9, daterange(date '2000-01-01' + g, NULL) FROM generate_series(1, 5000) g`,
    ],
    [
      'an identity',
      'n int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, m int',
      '(m) SELECT g FROM generate_series(1, 5000) g',
    ],
  ])('%s', async (_name, definition, rows) => {
    await withClient(db.pool, async (client) => {
      await client.query(`CREATE TABLE public.t (${definition}); INSERT INTO public.t ${rows}; ANALYZE public.t`);
      const { rows: expected } = await client.query({
        text: `SELECT * FROM public.t ORDER BY ${/PRIMARY KEY \((.*)\)/.exec(definition)?.[1] ?? '1'}`,
        rowMode: 'array',
        types: asTexts,
      });
      const { ranges, values, most } = await readInRanges(client, 'public.t');
      expect(values).toEqual(expected.map(([first]) => first));
      if (expected.length === 1) return void (await client.query('DROP TABLE public.t'));
      // Neither one range that has them all, nor ranges without end.
      expect(ranges).toBeGreaterThanOrEqual(PARTS - 1);
      expect(ranges).toBeLessThanOrEqual(PARTS + 1);
      expect(most).toBeLessThanOrEqual(Math.ceil((expected.length / PARTS) * 1.5));
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
      expect(await readInRanges(client, 'public.none')).toMatchObject({ ranges: 1, values: [] });
      expect(await readInRanges(client, 'public.seen')).toMatchObject({ ranges: 1, values: ['1'] });
    });
  });

  it.each([
    ['a key of a domain', 'n public.positive PRIMARY KEY'],
    [
      'children, which may lack the key',
      'n int PRIMARY KEY',
      'CREATE TABLE public.child () INHERITS (public.t)',
      'child',
    ],
    [
      'partitions',
      'n int PRIMARY KEY) PARTITION BY RANGE (n',
      'CREATE TABLE public.p PARTITION OF public.t DEFAULT',
      't',
    ],
  ])('a table with %s, as one', async (_name, definition, more = '', filled = 't') => {
    await withClient(db.pool, async (client) => {
      await client.query(`CREATE TABLE public.t (${definition}); ${more};
        INSERT INTO public.${filled} SELECT g FROM generate_series(1, 5000) g ORDER BY random()`);
      expect(await readInRanges(client, 'public.t')).toMatchObject({ ranges: 1, values: numbers(5000) });
      await client.query('DROP TABLE public.t CASCADE');
    });
  });
});

describe('a frozen copy', () => {
  const frozen = async (client: pg.ClientBase, table: string) =>
    inTransaction(client, async () => {
      const source = await openSource(client, { kind: 'download', options: { table }, columns: null } as TaskRow);
      await withClient(db.pool, (reader) => fillFrozenCopy(client, reader, 77, source));
      await indexFrozenCopy(client, 77);
      const copy = await openCopy(client, await oidOf(client, stagingTable(77)));
      const { rows } = await client.query<string[]>({
        text: rangeQuery(copy, { from: null, to: null }),
        rowMode: 'array',
        types: asTexts,
      });
      await client.query(`DROP TABLE ${stagingTable(77)}`);
      return rows;
    });
  const oidOf = async (client: pg.ClientBase, name: string) =>
    (await client.query('SELECT $1::regclass::oid AS oid', [name])).rows[0].oid;

  it('has columns of any name: of system columns, of our own, with quotes and line ends', async () => {
    const names = [
      'ctid',
      'xmin',
      'xmax',
      'cmin',
      'cmax',
      'tableoid',
      '_row',
      '__row',
      'c1',
      'a.""b""\n',
      'ü'.repeat(31),
      '',
    ];
    const list = names.map((name, i) => `${i} AS "${name || ' '}"`);
    await withClient(db.pool, async (client) => {
      await client.query(`CREATE VIEW public.odd AS SELECT ${list.join(', ')}`);
      expect(await frozen(client, 'public.odd')).toEqual([names.map((_, i) => String(i))]);
      const live = await readInRanges(client, 'public.odd');
      expect(live.values).toEqual(['0']);
    });
  });

  it('has room for 1,599 columns, in the order of the key', async () => {
    await withClient(db.pool, async (client) => {
      const columns = Array.from({ length: 1_598 }, (_, i) => `c${i} bool`);
      await client.query(`CREATE TABLE public.wide (${columns.join(', ')}, dropped int, id int PRIMARY KEY)`);
      await client.query('ALTER TABLE public.wide DROP COLUMN dropped');
      await client.query('INSERT INTO public.wide (id, c7) VALUES (2, true), (1, false)');
      const rows = await frozen(client, 'public.wide');
      expect(rows.map((row) => [row.length, row[7], row[1_598]])).toEqual([
        [1_599, 'f', '1'],
        [1_599, 't', '2'],
      ]);
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
