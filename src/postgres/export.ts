import type pg from 'pg';
import { TaskError } from '../contract/errors.js';
import { quoteIdent, quoteLiteral } from './copy.js';
import type { Fence } from './fence.js';
import { FencedError } from './fence.js';
import { frozenRowColumn, ROW_COLUMN, stagingTable } from './staging.js';
import type { Column, TaskRow } from './tasks.js';

/** A table as an export reads it: the key is what its ranges and its order are made of. */
export interface ExportSource {
  /** Qualified, quoted name. */
  table: string;
  columns: Column[];
  /** Columns of the key; `ctid` for a table without one; empty when it can be read only as a whole. */
  key: KeyColumn[];
  /** About how many bytes the table takes. */
  bytes: number;
  /** Its rows lie about in the order of the key: tables that we have loaded or copied. */
  isInKeyOrder: boolean;
}

/** `isCut`: its values can be compared by PostgreSQL's own operators, so that ranges may be made of them. */
export interface KeyColumn {
  name: string;
  type: string;
  isCut: boolean;
}

/** A half-open range of the key, open at the end that is null. Values in PostgreSQL's text form, one per key column. */
export interface KeyRange {
  from: string[] | null;
  to: string[] | null;
}

/**
 * Finds the table of an export, its columns and its key.
 * @throws {TaskError} table_not_found
 */
export async function findExportSource(client: pg.ClientBase, task: TaskRow): Promise<ExportSource> {
  const { rows } = await client.query(
    `SELECT c.oid, c.relkind, quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name,
            CASE WHEN c.relkind IN ('r', 'm', 'p') THEN pg_table_size(c.oid) ELSE 0 END AS bytes
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.oid = to_regclass($1) AND c.relkind IN ('r', 'm', 'p', 'v', 'f')`,
    [task.options.table],
  );
  const table = rows[0];
  if (!table) throw new TaskError('table_not_found', `There is no table ${task.options.table} (any more).`);
  const columns = task.columns ?? (await listColumns(client, table.oid));
  if (columns.length === 0)
    throw new TaskError('unsupported_table', `The table ${table.name} has no columns, so there is nothing to export.`);
  const key = await findKey(client, table.oid);
  if (key.length === 0 && (table.relkind === 'r' || table.relkind === 'm'))
    key.push({ name: 'ctid', type: 'tid', isCut: true });
  return { table: table.name, columns, key, bytes: table.bytes, isInKeyOrder: isRowKey(key) };
}

/** The same for the frozen copy of a table. */
export function frozenSource(source: ExportSource, lockKey: number): ExportSource {
  const name = frozenRowColumn(source.columns.map((column) => column.name));
  return { ...source, table: stagingTable(lockKey), key: [{ name, type: 'bigint', isCut: true }], isInKeyOrder: true };
}

async function listColumns(client: pg.ClientBase, oid: number): Promise<Column[]> {
  const { rows } = await client.query(
    `SELECT attname AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute
      WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
    [oid],
  );
  return rows.map(({ name, type }) => ({ original: name, name, type, evidence: 'the column of the table' }));
}

async function findKey(client: pg.ClientBase, oid: number): Promise<ExportSource['key']> {
  const { rows } = await client.query(
    `SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
            t.typnamespace = 'pg_catalog'::regnamespace OR t.typtype = 'e' AS "isCut"
       FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k (attnum, position)
       JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum JOIN pg_type t ON t.oid = a.atttypid
      WHERE i.indrelid = $1 AND i.indisprimary AND k.position <= i.indnkeyatts ORDER BY k.position`,
    [oid],
  );
  return rows;
}

/**
 * Splits a table into ranges of its key of about `partBytes` each. The first and the last are open, so that nothing falls out. A
 * key of an extension's type (citext) has an order of its own, which the operators of our search path do not know: one range.
 */
export async function planRanges(client: pg.ClientBase, source: ExportSource, partBytes: number): Promise<KeyRange[]> {
  const parts = Math.max(1, Math.ceil(source.bytes / partBytes));
  if (parts === 1 || source.key.length === 0 || !source.key.every(({ isCut }) => isCut))
    return [{ from: null, to: null }];
  const borders = await findBorders(client, source, parts);
  return [null, ...borders].map((from, i) => ({ from, to: borders[i] ?? null }));
}

async function findBorders(client: pg.ClientBase, { table, key }: ExportSource, parts: number): Promise<string[][]> {
  if (key[0]!.name === 'ctid') return blockBorders(client, table, parts);
  if (isRowKey(key)) return rowBorders(client, table, parts);
  const names = key.map(({ name }) => quoteIdent(name)).join(', ');
  // Names of our own inside, so that none of the table's is in the way.
  const { rows } = await client.query(
    `SELECT border FROM (
       SELECT ARRAY[${key.map(({ name }) => `${quoteIdent(name)}::text`).join(', ')}] AS border,
              row_number() OVER (ORDER BY ${names}) - 1 AS place, count(*) OVER () AS total FROM ${table}) numbered
      WHERE place > 0 AND place % greatest(1, ceil(total::numeric / $1)::bigint) = 0 ORDER BY place`,
    [parts],
  );
  return rows.map((row) => row.border);
}

function isRowKey(key: KeyColumn[]): boolean {
  return key.length === 1 && key[0]!.name === ROW_COLUMN && key[0]!.type === 'bigint';
}

async function blockBorders(client: pg.ClientBase, table: string, parts: number): Promise<string[][]> {
  const { rows } = await client.query(
    `SELECT pg_relation_size($1::regclass) / current_setting('block_size')::int AS blocks`,
    [table],
  );
  const step = Math.max(1, Math.ceil(rows[0].blocks / parts));
  const borders: string[][] = [];
  for (let block = step; block < rows[0].blocks; block += step) borders.push([`(${block},0)`]);
  return borders;
}

async function rowBorders(client: pg.ClientBase, table: string, parts: number): Promise<string[][]> {
  const { rows } = await client.query(`SELECT max(${quoteIdent(ROW_COLUMN)}) AS last FROM ${table}`);
  const step = Math.max(1, Math.ceil((rows[0].last ?? 0) / parts));
  const borders: string[][] = [];
  for (let row = 1 + step; row <= rows[0].last; row += step) borders.push([String(row)]);
  return borders;
}

/** In kB, enough to sort a range of some 16 MiB in memory; with the 4 MB that are PostgreSQL's default it is sorted on the disk. */
const SORT_MEMORY = 65536;

/**
 * Has the session read ranges the cheapest way. Of a table in the order of its key PostgreSQL, which has no statistics of it yet,
 * would sort each range; by the index it is read as it lies (255 MB on two cores: 3.0 s of PostgreSQL's time against 4.1).
 */
export async function tuneForRanges(client: pg.ClientBase, { isInKeyOrder }: ExportSource): Promise<void> {
  await client.query(
    isInKeyOrder
      ? 'SET enable_sort = off'
      : `SELECT set_config('work_mem', greatest(setting::int, ${SORT_MEMORY})::text, false) FROM pg_settings WHERE name = 'work_mem'`,
  );
}

/** The query of one range, in the order of the key. Values stand in it as constants, since COPY takes no parameters. */
export function rangeQuery({ table, columns, key }: ExportSource, { from, to }: KeyRange): string {
  const names = key.map(({ name }) => (name === 'ctid' ? name : quoteIdent(name))).join(', ');
  const tuple = (values: string[]) => values.map((value, i) => `${quoteLiteral(value)}::${key[i]!.type}`).join(', ');
  const conditions = [from && `(${names}) >= (${tuple(from)})`, to && `(${names}) < (${tuple(to)})`].filter(Boolean);
  return [
    `SELECT ${columns.map(({ name }) => quoteIdent(name)).join(', ')} FROM ${table}`,
    conditions.length > 0 && `WHERE ${conditions.join(' AND ')}`,
    // A range of ctid is read in physical order as it is; sorting it would only cost.
    names && names !== 'ctid' && `ORDER BY ${names}`,
  ]
    .filter(Boolean)
    .join(' ');
}

/** Stores the ranges as the parts of a download, in place of those of an earlier plan. Called inside the fence. */
export async function storeRanges(client: pg.ClientBase, taskId: string, ranges: KeyRange[]): Promise<void> {
  await client.query('DELETE FROM long_task.parts WHERE task_id = $1', [taskId]);
  for (const [i, { from, to }] of ranges.entries()) {
    await client.query('INSERT INTO long_task.parts (task_id, part_no, key_from, key_to) VALUES ($1, $2, $3, $4)', [
      taskId,
      i + 1,
      from,
      to,
    ]);
  }
}

/** One part of a download: its range, and what was dumped of it. */
export interface DownloadPart extends KeyRange {
  partNo: number;
  token: string;
  object: string | null;
  rows: number;
  size: number;
  done: boolean;
}

const DOWNLOAD_PART = `part_no AS "partNo", token, key_from AS "from", key_to AS "to", object, rows_done AS rows, bytes_done AS size, done`;

export async function listDownloadParts(db: pg.Pool | pg.ClientBase, taskId: string): Promise<DownloadPart[]> {
  const { rows } = await db.query<DownloadPart>(
    `SELECT ${DOWNLOAD_PART} FROM long_task.parts WHERE task_id = $1 ORDER BY part_no`,
    [taskId],
  );
  return rows;
}

/** Takes a part for a new attempt, like `claimPart`: called inside the fence. */
export async function claimRange(
  client: pg.ClientBase,
  fence: Fence,
  partNo: number,
  token: string,
): Promise<DownloadPart> {
  const { rows } = await client.query<DownloadPart>(
    `UPDATE long_task.parts SET token = $3 WHERE task_id = $1 AND part_no = $2 RETURNING ${DOWNLOAD_PART}`,
    [fence.taskId, partNo, token],
  );
  if (!rows[0]) throw new FencedError(`part ${partNo} is gone`);
  return rows[0];
}

/** Records the object that counts for a part, inside the fence. Another attempt's object is never taken. */
export async function recordObject(
  client: pg.ClientBase,
  taskId: string,
  part: DownloadPart,
  object: { key: string; size: number; rows: number },
): Promise<void> {
  const { rowCount } = await client.query(
    `UPDATE long_task.parts SET object = $4, bytes_done = $5, rows_done = $6, done = true
      WHERE task_id = $1 AND part_no = $2 AND token = $3 AND NOT done`,
    [taskId, part.partNo, part.token, object.key, object.size, object.rows],
  );
  if (rowCount !== 1) throw new FencedError(`part ${part.partNo} was taken by another attempt`);
}
