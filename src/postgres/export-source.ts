import type pg from 'pg';
import { TaskError } from '../contract/errors.js';
import { CTID, describeTable, lockTable, type TableColumn, type TableDescription } from './describe-table.js';
import { FencedError } from './fence.js';
import { ROW_COLUMN } from './staging.js';
import type { Column, TaskRow } from './tasks.js';

/**
 * A table as an export reads it: known by its oid and its columns by their numbers, since names may change while it is read.
 * Plan stores it in the task row, each part finds it again.
 */
export interface ExportSource {
  oid: number;
  /** Qualified, quoted name, as it was when this was found. */
  table: string;
  version: string;
  columns: TableColumn[];
  /** What the ranges and the order are made of; `ctid` for a table without a key; empty when it is read only as a whole. */
  key: TableColumn[];
  /** Its rows lie about in the order of the key: tables that we have loaded or copied. */
  isInKeyOrder: boolean;
}

/** Whether the key is the row number of a table such as we load and copy. */
export function isRowKey(key: TableColumn[]): boolean {
  return key.length === 1 && key[0]!.name === ROW_COLUMN && key[0]!.type === 'bigint';
}

/**
 * Finds the table of an export for its plan, and locks it until the transaction ends.
 * @throws {TaskError} table_not_found, target_changed, unsupported_table
 */
export async function openSource(client: pg.ClientBase, { options, columns }: TaskRow): Promise<ExportSource> {
  const found = await lockTable(client, options.table_oid ?? (await oidOfName(client, options.table!)));
  if (!found) throw gone();
  const own = found.columns.filter(({ number }) => number > 0);
  if (own.length === 0)
    throw new TaskError('unsupported_table', `The table ${found.table} has no columns, so there is nothing to export.`);
  return {
    ...named(found),
    columns: columns ? columns.map((column) => findColumn(own, column)) : own,
    ...keyOf(found),
  };
}

/** Of an export that an earlier version has started: the oid was not stored with it. */
async function oidOfName(client: pg.ClientBase, table: string): Promise<number> {
  const { rows } = await client.query('SELECT to_regclass($1)::oid AS oid', [table]);
  if (rows[0].oid === null) throw new TaskError('table_not_found', `There is no table ${table} (any more).`);
  return rows[0].oid;
}

function named({ oid, table, version }: TableDescription): Pick<ExportSource, 'oid' | 'table' | 'version'> {
  return { oid, table, version };
}

function findColumn(columns: TableColumn[], { number, name }: Column): TableColumn {
  const found = columns.find((column) => (number === undefined ? column.name === name : column.number === number));
  if (!found) throw altered();
  return found;
}

function keyOf({ columns, isHeap }: TableDescription): Pick<ExportSource, 'key' | 'isInKeyOrder'> {
  const primary = columns.filter(({ keyPlace }) => keyPlace !== null).sort((a, b) => a.keyPlace! - b.keyPlace!);
  const key = primary.length > 0 || !isHeap ? primary : columns.filter(({ number }) => number === CTID);
  return { key, isInKeyOrder: isRowKey(key) };
}

/**
 * Finds the frozen copy of a table, made by `createFrozenCopy`, for the plan, and locks it.
 * @throws {TaskError} target_changed
 */
export async function openCopy(client: pg.ClientBase, oid: number): Promise<ExportSource> {
  const found = await lockTable(client, oid);
  if (!found) throw gone();
  const [row, ...columns] = found.columns.filter(({ number }) => number > 0);
  return { ...named(found), columns, key: [row!], isInKeyOrder: true };
}

/**
 * Finds the table of a plan again under its present names, and locks it until the transaction ends.
 * @throws {TaskError} target_changed unless it is the very one
 */
export async function reopenSource(client: pg.ClientBase, planned: ExportSource): Promise<ExportSource> {
  return unchanged(planned, await lockTable(client, planned.oid));
}

/**
 * Checks, without a lock, that the table of a plan is still the very one, whatever it is called.
 * @throws {TaskError} target_changed
 */
export async function checkSource(client: pg.ClientBase, planned: ExportSource): Promise<ExportSource> {
  return unchanged(planned, await describeTable(client, planned.oid));
}

function unchanged(planned: ExportSource, found: TableDescription | null): ExportSource {
  if (!found) throw gone();
  if (found.version !== planned.version) throw rewritten();
  const now = (columns: TableColumn[]) => columns.map((column) => sameColumn(column, found.columns));
  return { ...planned, ...named(found), columns: now(planned.columns), key: now(planned.key) };
}

/** An enum may have got more labels since, but none may have another name. */
function sameColumn(planned: TableColumn, columns: TableColumn[]): TableColumn {
  const found = columns.find(({ number }) => number === planned.number);
  const labels = new Set(found?.labels);
  if (found?.traits !== planned.traits || !planned.labels.every((label) => labels.has(label))) throw altered();
  return found;
}

const gone = () =>
  new TaskError('target_changed', 'The table was dropped after its export was requested. Start another download.');

const rewritten = () =>
  new TaskError(
    'target_changed',
    'The table was emptied, rewritten or redefined during its export (as by TRUNCATE, VACUUM FULL, CLUSTER, REFRESH, CREATE OR REPLACE VIEW). Start the download again; consistency=frozen reads from a copy.',
  );

const altered = () =>
  new TaskError(
    'target_changed',
    'An exported column of the table was dropped or altered after the export was requested. Start the download again.',
  );

/**
 * Reads a table in one transaction, during which it is the same one and keeps its name. After an error there is no ROLLBACK,
 * which would wait for a COPY that was broken off: the connection is closed (`withClient`), and the transaction ends with it.
 */
export async function readingTable<T>(
  client: pg.ClientBase,
  open: () => Promise<ExportSource>,
  body: (source: ExportSource) => Promise<T>,
): Promise<T> {
  // What is done under the lock must see what was committed before the lock was granted.
  await client.query('BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY');
  const result = await withSameTable(client, open, body);
  await client.query('COMMIT');
  return result;
}

/**
 * The same in a transaction of the caller's. What no lock on the table keeps away is found at the end: a schema that was
 * renamed, so that `body` may have read another one's table of that name, and the labels of enums.
 * @throws {TaskError} target_changed; another error, to be tried again, when only its name has changed
 */
export async function withSameTable<T>(
  client: pg.ClientBase,
  open: () => Promise<ExportSource>,
  body: (source: ExportSource) => Promise<T>,
): Promise<T> {
  const source = await open();
  const result = await body(source);
  const { table } = await checkSource(client, source);
  if (table !== source.table) throw new Error('the schema of the table was renamed while the table was read');
  return result;
}

/**
 * The source that a task's plan has stored.
 * @throws {FencedError} when an earlier version has planned it by name, so that it is planned again
 */
export function plannedSource({ export_source }: TaskRow): ExportSource {
  if (!export_source) throw new FencedError('the export was planned by an earlier version');
  return export_source;
}
