import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import { to as copyTo } from 'pg-copy-streams';
import { describe, expect, it } from 'vitest';
import { copyOut } from '../../src/postgres/copy-out.js';
import { withClient } from '../../src/postgres/pool.js';
import { useDatabase } from './support.js';

const database = useDatabase();

/** Rows of very different lengths, so that chunks of the connection end at every place of a message. */
const QUERY = `SELECT i, repeat(chr(97 + i % 26), (i * 7919) % 300), CASE i % 5 WHEN 0 THEN NULL WHEN 1 THEN '' ELSE 'a "b", c' END,
                      CASE WHEN i % 1000 = 0 THEN repeat('x', 200000) END
                 FROM generate_series(1, 20000) i`;

describe('copyOut', () => {
  it('gives the very bytes that the library gives message by message, and their number of rows', async () => {
    await withClient(database.pool, async (client) => {
      const plain = await buffer(client.query(copyTo(`COPY (${QUERY}) TO STDOUT (FORMAT csv)`)));
      const stream = copyOut(client, QUERY);
      const joined = await buffer(stream);
      expect(joined.equals(plain)).toBe(true);
      expect(stream.rowCount).toBe(20_000);
    });
  });

  it('says while they come how many rows that is', async () => {
    await withClient(database.pool, async (client) => {
      const stream = copyOut(client, QUERY);
      const counts: number[] = [];
      for await (const _ of stream) counts.push(stream.rowCount);
      expect(counts.length).toBeGreaterThan(10);
      expect(counts).toEqual(counts.toSorted((a, b) => a - b));
      expect([counts[0]! < 20_000, counts.at(-1)]).toEqual([true, 20_000]);
    });
  });

  it('leaves the connection ready for the next query', async () => {
    await withClient(database.pool, async (client) => {
      await buffer(copyOut(client, 'SELECT 1'));
      expect((await client.query('SELECT 2 AS two')).rows).toEqual([{ two: 2 }]);
    });
  });

  it('fails with the error of PostgreSQL when that comes in the middle of the rows', async () => {
    await withClient(database.pool, async (client) => {
      const stream = copyOut(client, 'SELECT 1 / (5000 - i) FROM generate_series(1, 10000) i');
      stream.resume();
      const [error] = await once(stream, 'error');
      expect(error).toMatchObject({ code: '22012' });
      expect((await client.query('SELECT 2 AS two')).rows).toEqual([{ two: 2 }]);
    });
  });
});
