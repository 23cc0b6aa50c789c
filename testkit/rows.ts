import { createHash } from 'node:crypto';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { withClient } from '../src/postgres/pool.js';

/**
 * The rows of a table against those of an undisturbed load, whose sha256 is given too. One line for each way in which
 * they differ.
 */
export async function compareRows(
  db: pg.Pool,
  table: string,
  { table: reference, sha256 }: { table: string; sha256: string },
): Promise<string[]> {
  const { rows } = await db.query(
    `SELECT count(*) FILTER (WHERE t._row IS NULL)::int AS missing, count(*) FILTER (WHERE r._row IS NULL)::int AS foreign,
            count(*) FILTER (WHERE t._row = r._row AND t::text IS DISTINCT FROM r::text)::int AS changed,
            (count(t._row) - count(DISTINCT t._row))::int AS double
       FROM ${reference} r FULL JOIN ${table} t USING (_row)`,
  );
  const found = rows[0] as Record<string, number>;
  const wrong = Object.entries(found).filter(([, number]) => number > 0);
  if (wrong.length > 0) return [wrong.map(([what, number]) => `${number} rows ${what}`).join(', ')];
  return (await hashRows(db, table)) === sha256
    ? []
    : ['the sha256 of the table differs from that of the undisturbed load'];
}

/** sha256 of the rows in the order of the file. */
export async function hashRows(db: pg.Pool, table: string): Promise<string> {
  const hash = createHash('sha256');
  const into = new Writable({
    write: (chunk, _encoding, done) => {
      hash.update(chunk);
      done();
    },
  });
  await copyRows(db, table, into);
  return hash.digest('hex');
}

/** The rows in the order of the file, without their numbers, under the header of the table. */
export async function copyRows(db: pg.Pool, table: string, into: Writable): Promise<void> {
  const { rows } = await db.query(
    `SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) AS columns FROM pg_attribute
      WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attname <> '_row'`,
    [table],
  );
  const query = `COPY (SELECT ${rows[0].columns} FROM ${table} ORDER BY _row) TO STDOUT (FORMAT csv, HEADER true)`;
  await withClient(db, (client) => pipeline(client.query(copyTo(query)), into));
}
