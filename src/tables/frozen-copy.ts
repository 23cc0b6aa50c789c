import { pipeline } from 'node:stream/promises';
import type pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { TaskError } from '../contract/errors.js';
import { MAX_COLUMNS } from '../contract/limits.js';
import { quoteIdent } from '../postgres/copy.js';
import { copyOutText } from '../postgres/copy-out.js';
import { ROW_COLUMN, stagingTable } from './staging.js';

/** What a frozen copy is made of: a table's qualified, quoted name, its columns, and those by which it is ordered. */
export interface FrozenSource {
  table: string;
  columns: { name: string; type: string }[];
  key: { name: string }[];
}

/**
 * Types that the copy keeps: their values take more room as text, so that a row might not fit into a page. All others
 * become text, since storing a value of a domain runs the code of its checks as the role that writes.
 */
const KEPT = [
  'smallint',
  'integer',
  'bigint',
  'real',
  'double precision',
  'numeric',
  'boolean',
  'date',
  'time without time zone',
  'timestamp without time zone',
  'timestamp with time zone',
  'uuid',
];

/**
 * Makes the frozen copy of a table for its export, with row numbers in a column of their own, as of one snapshot.
 * `reader` sends the rows, which runs the code of a view; `client` stores their text. The columns have names of our
 * own: those of a view may be names that a table cannot have (`ctid`).
 * @throws {TaskError} unsupported_table when there is no room for the row numbers
 */
export async function fillFrozenCopy(
  client: pg.ClientBase,
  reader: pg.ClientBase,
  lockKey: number,
  { table, columns, key }: FrozenSource,
): Promise<void> {
  if (columns.length > MAX_COLUMNS) {
    const detail = `A table of ${columns.length} columns has no room for the row numbers of a frozen copy. Use consistency=live.`;
    throw new TaskError('unsupported_table', detail);
  }
  const list = (named: { name: string }[]) => named.map(({ name }) => quoteIdent(name)).join(', ');
  const order = key.length > 0 ? `ORDER BY ${list(key)}` : '';
  const types = columns.map(({ type }, i) => `c${i + 1} ${keptType(type)}`);
  await client.query(`CREATE TABLE ${stagingTable(lockKey)} (${quoteIdent(ROW_COLUMN)} bigint, ${types.join(', ')})`);
  // First, so that this session is not idle while the other one waits for its first row.
  const copy = client.query(copyFrom(`COPY ${stagingTable(lockKey)} FROM STDIN`));
  await pipeline(copyOutText(reader, `SELECT row_number() OVER (${order}), ${list(columns)} FROM ${table}`), copy);
}

/** Indexes the copy by its row numbers. */
export async function indexFrozenCopy(client: pg.ClientBase, lockKey: number): Promise<void> {
  await client.query(`CREATE UNIQUE INDEX ON ${stagingTable(lockKey)} (${quoteIdent(ROW_COLUMN)})`);
  await client.query(`ANALYZE ${stagingTable(lockKey)}`);
}

function keptType(type: string): string {
  const plain = type.replace(/\(\d+(,-?\d+)?\)/, '');
  return KEPT.includes(plain) ? plain : 'text';
}
