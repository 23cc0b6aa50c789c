import { expect, it } from 'vitest';
import { inTransaction, withClient } from '../../src/postgres/pool.js';
import { buildRowIndex, publishTable, stagingTable } from '../../src/tables/staging.js';
import { useDatabase } from '../postgres/support.js';

const db = useDatabase();

it('a table with a name of 63 bytes that ends like a key is published next to its key', async () => {
  const wished = `${'x'.repeat(58)}_pkey`;
  const lockKey = 9001;
  const name = await withClient(db.pool, async (client) => {
    await client.query(`CREATE TABLE ${stagingTable(lockKey)} ("_row" bigint NOT NULL)`);
    await buildRowIndex(client, lockKey);
    return inTransaction(client, () => publishTable(client, lockKey, wished));
  });
  expect(name).toBe(`"public"."${wished}"`);
  const { rows } = await db.pool.query(
    'SELECT conname FROM pg_constraint WHERE conrelid = $1::regclass AND contype = $2',
    [name, 'p'],
  );
  expect(rows[0].conname).not.toBe(wished);
});
