import type pg from 'pg';
import { quoteIdent, quoteLiteral } from '../postgres/copy.js';
import type { KeyRange } from '../tasks/ranges.js';
import { CTID, type TableColumn } from './describe-table.js';
import { type ExportSource, isRowKey } from './export-source.js';
import { guardExpression } from './guard-formulas.js';
import { ROW_COLUMN } from './staging.js';
import { writeForm } from './write-form.js';

/**
 * Splits a table into ranges of its key of about `partBytes` each. The first and the last are open, so that no row is
 * missed. A key of an extension's type (citext) gives one range: the operators of our search path do not know its
 * order.
 */
export async function planRanges(client: pg.ClientBase, source: ExportSource, partBytes: number): Promise<KeyRange[]> {
  const bytes = await sizeOf(client, source.oid);
  const parts = Math.max(1, Math.ceil(bytes / partBytes));
  if (parts === 1 || source.key.length === 0 || !source.key.every(({ isCut }) => isCut))
    return [{ from: null, to: null }];
  const borders = await findBorders(client, source, { parts, bytes });
  return [null, ...borders].map((from, i) => ({ from, to: borders[i] ?? null }));
}

/**
 * Returns how many bytes a table takes; 0 for one that is read in one statement: a view, and a table with partitions or
 * inheriting tables, which may be attached and detached between two statements and may have rows without a key.
 */
async function sizeOf(client: pg.ClientBase, oid: number): Promise<number> {
  const { rows } = await client.query(
    `SELECT CASE WHEN relkind IN ('r', 'm') AND NOT relhassubclass THEN pg_table_size(oid) ELSE 0 END AS bytes
       FROM pg_class WHERE oid = $1`,
    [oid],
  );
  return rows[0].bytes;
}

interface Size {
  parts: number;
  bytes: number;
}

async function findBorders(client: pg.ClientBase, source: ExportSource, size: Size): Promise<string[][]> {
  if (source.key[0]!.number === CTID) return blockBorders(client, source.oid, size.parts);
  return (isRowKey(source.key) && (await rowBorders(client, source.table, size))) || keyBorders(client, source, size);
}

/** Finds borders by a pass over the key: each range has as many rows as the others. */
async function keyBorders(client: pg.ClientBase, source: ExportSource, { parts }: Size): Promise<string[][]> {
  const names = source.key.map(({ name }) => quoteIdent(name));
  // The outer names are our own, so that they cannot clash with the table's.
  const { rows } = await client.query(
    `SELECT border FROM (
       SELECT ARRAY[${names.map((name) => `${name}::text`).join(', ')}] AS border,
              row_number() OVER (ORDER BY ${names.join(', ')}) - 1 AS place, count(*) OVER () AS total FROM ${source.table}) numbered
      WHERE place > 0 AND place % greatest(1, ceil(total::numeric / $1)::bigint) = 0 ORDER BY place`,
    [parts],
  );
  return rows.map((row) => row.border);
}

async function blockBorders(client: pg.ClientBase, oid: number, parts: number): Promise<string[][]> {
  const { rows } = await client.query(
    `SELECT pg_relation_size($1::oid) / current_setting('block_size')::int AS blocks`,
    [oid],
  );
  const step = Math.max(1, Math.ceil(rows[0].blocks / parts));
  const borders: string[][] = [];
  for (let block = step; block < rows[0].blocks; block += step) borders.push([`(${block},0)`]);
  return borders;
}

/** A row takes at least this much of its table: its header, a number of eight bytes, and a pointer in the page. */
const LEAST_ROW_BYTES = 24 + 8 + 4;

/**
 * Finds borders of row numbers by arithmetic, in PostgreSQL: up to 2^63-1, where JavaScript's numbers are not exact.
 * Null when the numbers have more gaps than the table has bytes for rows, which never happens after a load.
 */
async function rowBorders(client: pg.ClientBase, table: string, { parts, bytes }: Size): Promise<string[][] | null> {
  const row = quoteIdent(ROW_COLUMN);
  const { rows } = await client.query(
    `SELECT (last - first + 1) * ${LEAST_ROW_BYTES} <= $2 AS "isDense",
            ARRAY(SELECT (first + step)::text FROM generate_series(1, $1::int - 1) i,
                         LATERAL (SELECT i * ceil((last - first + 1) / $1) AS step) s WHERE first + step <= last ORDER BY i) AS borders
       FROM (SELECT min(${row})::numeric AS first, max(${row})::numeric AS last FROM ${table}) s`,
    [parts, bytes],
  );
  return rows[0].isDense === false ? null : rows[0].borders.map((border: string) => [border]);
}

/**
 * In kB, enough to sort a range of some 16 MiB in memory; with the 4 MB that are PostgreSQL's default it is sorted on
 * the disk.
 */
const SORT_MEMORY = 65536;

/**
 * Sets the session to read ranges in the cheapest way. Without statistics PostgreSQL would sort each range of a table
 * that is in the order of its row numbers; by the index it reads the rows in place (255 MB on two cores: 3.0 s of
 * PostgreSQL's time instead of 4.1).
 */
export async function tuneForRanges(client: pg.ClientBase, { key }: ExportSource): Promise<void> {
  await client.query(
    isRowKey(key)
      ? 'SET enable_sort = off'
      : `SELECT set_config('work_mem', greatest(setting::int, ${SORT_MEMORY})::text, false) FROM pg_settings WHERE name = 'work_mem'`,
  );
}

/**
 * Returns the query of one range, in the order of the key. Values are constants in it, since COPY takes no
 * parameters.
 * @param written how each column is written, by its place; as PostgreSQL writes it by default
 */
export function rangeQuery(
  { table, columns, key }: ExportSource,
  { from, to }: KeyRange,
  written: (WrittenColumn | undefined)[] = [],
): string {
  // Qualified: an exported expression has the name of its column, and ORDER BY would sort by the expression.
  const names = key.map(({ name }) => `${table}.${quoteIdent(name)}`).join(', ');
  const tuple = (values: string[]) => values.map((value, i) => `${quoteLiteral(value)}::${key[i]!.type}`).join(', ');
  const conditions = [from && `(${names}) >= (${tuple(from)})`, to && `(${names}) < (${tuple(to)})`].filter(Boolean);
  return [
    `SELECT ${columns.map((column, i) => writeColumn(column, written[i])).join(', ')} FROM ${table}`,
    conditions.length > 0 && `WHERE ${conditions.join(' AND ')}`,
    // A range of ctid is read in physical order as it is; sorting it would only cost.
    key[0] && key[0].number !== CTID && `ORDER BY ${names}`,
  ]
    .filter(Boolean)
    .join(' ');
}

/** How a column is written into the file of an export. */
export interface WrittenColumn {
  /** As inspect has found it. */
  form?: string;
  /** What a spreadsheet would run is guarded. */
  isGuarded?: boolean;
}

function writeColumn({ name, type }: TableColumn, { form, isGuarded }: WrittenColumn = {}): string {
  const column = quoteIdent(name);
  const formed = writeForm(column, type, form);
  const value = isGuarded ? guardExpression(formed) : formed;
  return value === column ? column : `${value} AS ${column}`;
}
