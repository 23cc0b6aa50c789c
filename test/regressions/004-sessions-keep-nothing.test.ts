import { expect, it } from 'vitest';
import { createPool, withClient } from '../../src/postgres/pool.js';
import { useDatabase } from '../postgres/support.js';

const database = useDatabase();

it('what a named body sets for its session ends with it', async () => {
  const pool = createPool({ connectionString: database.url, max: 1, applicationName: 'test', onError: () => {} });
  try {
    await withClient(pool, (client) => client.query('SET synchronous_commit = off'), 'long-task 1 part 1');
    const { rows } = await pool.query(
      `SELECT current_setting('synchronous_commit') AS commit, current_setting('application_name') AS name, current_setting('TimeZone') AS zone`,
    );
    expect(rows).toEqual([{ commit: 'on', name: 'test', zone: 'UTC' }]);
  } finally {
    await pool.end();
  }
});
