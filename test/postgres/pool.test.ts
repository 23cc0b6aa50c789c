import { expect, it } from 'vitest';
import { TcpProxy } from '../../dev/faults/proxy.js';
import { createPool, withClient } from '../../src/postgres/pool.js';
import { useDatabase } from './support.js';

const db = useDatabase();

it('work that is to stop does not wait for a server that has fallen silent', async () => {
  const url = new URL(db.url);
  const proxy = await TcpProxy.open(Number(url.port));
  url.port = String(proxy.port);
  const pool = createPool({ connectionString: url.href, max: 2, applicationName: 'test', onError: () => {} });
  const abort = new AbortController();
  const work = withClient(
    pool,
    async (client) => {
      await client.query('SELECT 1');
      proxy.delayMs = 2 ** 30; // Nothing comes through any more, and nobody says so.
      abort.abort();
      await client.query('SELECT 1');
    },
    'work',
    abort.signal,
  );
  const began = performance.now();
  await expect(work).rejects.toThrow(/terminated/);
  expect(performance.now() - began).toBeLessThan(15_000);
  await pool.end();
  await proxy.close();
}, 30_000);
