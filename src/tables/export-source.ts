import { createHash } from 'node:crypto';
import type pg from 'pg';
import { TaskError } from '../contract/errors.js';
import { FencedError } from '../tasks/fence.js';
import { asDownload, type Column, type PlannedSource, type TaskRow } from '../tasks/tasks.js';
import { CTID, describeTable, lockTable, type TableColumn, type TableDescription } from './describe-table.js';
import { ROW_COLUMN } from './staging.js';

/** The table of an export under its present names. */
export interface ExportSource {
  oid: number;
  /** Qualified, quoted name. */
  table: string;
  version: string;
  columns: TableColumn[];
  /**
   * The columns of ranges and order: `ctid` for a table without a primary key, none for one that is read only as a
   * whole.
   */
  key: TableColumn[];
}

/** Reduces a table to its numbers and to the fingerprint by which a later change is found. */
export function asPlanned({ oid, version, columns, key }: ExportSource): PlannedSource {
  const all = [...columns, ...key];
  const hash = createHash('sha256').update(all.map(({ traits }) => traits).join('\n'));
  const numbers = (some: TableColumn[]) => some.map(({ number }) => number);
  const labels = [...new Set(all.flatMap((column) => column.labels))];
  return { oid, version, columns: numbers(columns), key: numbers(key), traits: hash.digest('base64'), labels };
}

/** Says whether the key is the row number of a table, as in those that the service loads and copies. */
export function isRowKey(key: TableColumn[]): boolean {
  return key.length === 1 && key[0]!.name === ROW_COLUMN && key[0]!.type === 'bigint';
}

/**
 * Finds the table of an export for its plan, and locks it until the transaction ends.
 * @throws {TaskError} table_not_found, target_changed, unsupported_table
 */
export async function openSource(client: pg.ClientBase, task: TaskRow): Promise<ExportSource> {
  const { options, columns } = asDownload(task);
  const found = await lockTable(client, options.table_oid ?? (await oidOfName(client, options.table!)));
  if (!found) throw gone();
  const own = found.columns.filter(({ number }) => number > 0);
  if (own.length === 0)
    throw new TaskError('unsupported_table', `The table ${found.table} has no columns, so there is nothing to export.`);
  return {
    ...named(found),
    columns: columns ? columns.map((column) => findColumn(own, column)) : own,
    key: keyOf(found),
  };
}

/** Resolves the name of a task that an earlier version created without an oid. */
async function oidOfName(client: pg.ClientBase, table: string): Promise<number> {
  const { rows } = await client.query('SELECT to_regclass($1)::oid AS oid', [table]);
  if (rows[0].oid === null) throw new TaskError('table_not_found', `Table ${table} does not exist.`);
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

function keyOf({ columns, isHeap }: TableDescription): TableColumn[] {
  const primary = columns.filter(({ keyPlace }) => keyPlace !== null).sort((a, b) => a.keyPlace! - b.keyPlace!);
  return primary.length > 0 || !isHeap ? primary : columns.filter(({ number }) => number === CTID);
}

/**
 * Finds the frozen copy of a table, made by `fillFrozenCopy`, for the plan, and locks it.
 * @throws {TaskError} target_changed
 */
export async function openCopy(client: pg.ClientBase, oid: number): Promise<ExportSource> {
  const found = await lockTable(client, oid);
  if (!found) throw gone();
  const [row, ...columns] = found.columns.filter(({ number }) => number > 0);
  return { ...named(found), columns, key: [row!] };
}

/**
 * Finds the table of a plan again under its present names, and locks it until the transaction ends.
 * @throws {TaskError} target_changed unless it is the very one
 */
export async function reopenSource(client: pg.ClientBase, planned: PlannedSource): Promise<ExportSource> {
  return unchanged(planned, await lockTable(client, planned.oid));
}

/**
 * Checks, without a lock, that the table of a plan is still the very one, under any name.
 * @throws {TaskError} target_changed
 */
export async function checkSource(client: pg.ClientBase, planned: PlannedSource): Promise<ExportSource> {
  return unchanged(planned, await describeTable(client, planned.oid));
}

function unchanged(planned: PlannedSource, found: TableDescription | null): ExportSource {
  if (!found) throw gone();
  if (found.version !== planned.version) throw rewritten();
  const byNumber = new Map(found.columns.map((column) => [column.number, column]));
  const find = (numbers: number[]) => numbers.flatMap((number) => byNumber.get(number) ?? []);
  const source = { ...named(found), columns: find(planned.columns), key: find(planned.key) };
  const { traits, ...now } = asPlanned(source);
  const labels = new Set(now.labels);
  // An enum may have got more labels since, but none may have another name.
  if (traits !== planned.traits || !planned.labels.every((label) => labels.has(label))) throw altered();
  return source;
}

const gone = () =>
  new TaskError('target_changed', 'The table was dropped after its export was requested. Start another download.');

const rewritten = () =>
  new TaskError(
    'target_changed',
    'The table was emptied, rewritten or redefined (TRUNCATE, VACUUM FULL, REFRESH, CREATE OR REPLACE) during its export. ' +
      'Start the download again, with consistency=frozen to read from a copy.',
  );

const altered = () =>
  new TaskError(
    'target_changed',
    'An exported column of the table was dropped or altered after the export was requested. Start the download again.',
  );

/**
 * Runs `body`, which reads the table, in one read-only transaction, and checks that it was one table under one name all
 * the time. Sends no ROLLBACK after an error, since that would wait for a COPY that was broken off: `withClient` closes
 * the connection.
 */
export async function readingTable<T>(
  client: pg.ClientBase,
  open: () => Promise<ExportSource>,
  body: (source: ExportSource) => Promise<T>,
): Promise<T> {
  // Statements after the lock must see all that was committed before it was granted.
  await client.query('BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY');
  const result = await withSameTable(client, open, body);
  await client.query('COMMIT');
  return result;
}

/**
 * Does the same in the caller's transaction. The check at the end finds what no lock on a table prevents: a renamed
 * schema, so that `body` may have read a table of the same name in another one, and renamed labels of enums.
 * @throws {TaskError} target_changed; an error that is retried when only the name has changed
 */
export async function withSameTable<T>(
  client: pg.ClientBase,
  open: () => Promise<ExportSource>,
  body: (source: ExportSource) => Promise<T>,
): Promise<T> {
  const source = await open();
  const result = await body(source);
  const { table } = await checkSource(client, asPlanned(source));
  if (table !== source.table) throw new Error('the schema of the table was renamed while the table was read');
  return result;
}

/**
 * Returns the source that the plan has stored.
 * @throws {FencedError} when an earlier version planned the task by name, so that the workflow has it planned again
 */
export function plannedSource({ export_source }: TaskRow): PlannedSource {
  if (!export_source) throw new FencedError('the export was planned by an earlier version');
  return export_source;
}
