import { expect, it } from 'vitest';
import { TaskError } from '../src/contract/errors.js';
import { csvError } from '../src/csv/csv-error.js';
import { withoutContents } from '../src/log.js';
import { withClient } from '../src/postgres/pool.js';
import { useDatabase } from './postgres/support.js';

const database = useDatabase();

it('of an error of PostgreSQL the log says its code and where it came from, and nothing that it quotes', async () => {
  const error: unknown = await withClient(database.pool, (client) =>
    client.query('SELECT $1::text::integer AS secret', ['secret\n    at secret']),
  ).catch((thrown) => thrown);
  const said = withoutContents(new Error('it failed', { cause: error }));
  expect(said).toMatchObject({
    type: 'Error',
    message: 'it failed',
    cause: { code: '22P02', routine: 'pg_strtoint32_safe' },
  });
  expect(said.cause!.stack).toMatch(/^\s+at .+pool/m);
  expect(JSON.stringify(said)).not.toContain('secret');
});

it.each([
  new TaskError('reject_limit', 'secret', { column: 'secret', value: 'secret' }),
  csvError('invalid_utf8', 'secret', { column: 'secret' }),
  Object.assign(new Error('secret'), { code: 'CSV_RECORD_INCONSISTENT_COLUMNS', record: ['secret'] }),
  Object.assign(new Error('secret'), { code: 'ERR_INVALID_ARG_VALUE' }),
  new TypeError("Cannot read properties of undefined (reading 'secret')"),
  new SyntaxError('Unexpected token s, "secret" is not valid JSON'),
])('nor does it quote %s', (error) => {
  expect(JSON.stringify(withoutContents(error))).not.toContain('secret');
  expect(withoutContents(error).stack).toMatch(/log\.test/);
});

it('of a connection or a file that is not there it says all', () => {
  const error = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:5432'), { code: 'ECONNREFUSED' });
  expect(withoutContents(error)).toMatchObject({
    code: 'ECONNREFUSED',
    message: 'connect ECONNREFUSED 127.0.0.1:5432',
  });
});
