import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { describe, expect, it } from 'vitest';
import { cancellable } from '../../src/postgres/cancellable.js';
import { createPool, withClient } from '../../src/postgres/pool.js';
import { TcpProxy } from '../../testkit/tcp-proxy.js';
import { useDatabase } from './support.js';

const db = useDatabase();

/** A pool whose server can fall silent: no byte arrives any more, and the connection stays open. */
async function silenceable(): Promise<{ pool: pg.Pool; silence(): void; end(): Promise<void> }> {
  const url = new URL(db.url);
  const proxy = await TcpProxy.open(Number(url.port));
  url.port = String(proxy.port);
  const pool = createPool({ connectionString: url.href, max: 3, applicationName: 'test', onError: () => {} });
  const silence = () => {
    proxy.delayMs = 2 ** 30;
  };
  const end = async () => {
    await proxy.close();
    await pool.end();
  };
  return { pool, silence, end };
}

describe.concurrent('work that is to stop does not wait for a server that has fallen silent', () => {
  it.each([
    ['a statement', (_pool: pg.Pool, client: pg.PoolClient) => client.query('SELECT 1')],
    [
      'a statement that is cancelled through another connection',
      (pool: pg.Pool, client: pg.PoolClient, signal: AbortSignal) =>
        cancellable(pool, client, signal, () => client.query('SELECT pg_sleep(60)')),
    ],
  ])(
    '%s',
    async (_name, statement) => {
      const { pool, silence, end } = await silenceable();
      const abort = new AbortController();
      // Another connection that is there already, and idle.
      await Promise.all([pool.query('SELECT pg_sleep(0.1)'), pool.query('SELECT pg_sleep(0.1)')]);
      const work = withClient(
        pool,
        async (client) => {
          await client.query('SELECT 1');
          const running = statement(pool, client, abort.signal);
          await sleep(100);
          silence();
          abort.abort();
          await running;
          await client.query('SELECT 1');
        },
        'work',
        abort.signal,
      );
      const began = performance.now();
      await expect(work).rejects.toThrow();
      expect(performance.now() - began).toBeLessThan(15_000);
      await end();
    },
    30_000,
  );
});

it('values come out in one form, also where the database has other defaults', async () => {
  const { rows } = await db.pool.query('SELECT current_database() AS name');
  for (const setting of ["IntervalStyle TO 'sql_standard'", 'extra_float_digits TO -5', "bytea_output TO 'escape'"])
    await db.pool.query(`ALTER DATABASE ${rows[0].name} SET ${setting}`);
  const pool = createPool({ connectionString: db.url, max: 1, applicationName: 'test', onError: () => {} });
  const query = `SELECT (0.1::float8 + 0.2)::text AS number, '-1 day 02:03:00'::interval::text AS span, '\\x41'::bytea::text AS bytes`;
  expect((await pool.query(query)).rows).toEqual([
    { number: '0.30000000000000004', span: '-1 days +02:03:00', bytes: '\\x41' },
  ]);
  await pool.end();
});
