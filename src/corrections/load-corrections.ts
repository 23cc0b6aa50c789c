import type pg from 'pg';
import { RowChecker } from '../activities/refused-rows.js';
import { textDialect } from '../activities/source.js';
import { TaskError } from '../contract/errors.js';
import { createEngine } from '../csv/engine.js';
import type { RecordEncoder } from '../csv/record-encoder.js';
import { withTransaction } from '../postgres/pool.js';
import { meaningOf } from '../postgres/sqlstate.js';
import { lockTable } from '../tables/describe-table.js';
import { type InsertTarget, insertRows } from '../tables/insert-rows.js';
import { attributeNumber } from '../tables/staging.js';
import { type Reject, type RejectCode, rejectsOf, removeRejectsOf, storeRejects } from '../tasks/rejects.js';
import { addNote } from '../tasks/task-events.js';
import { lockTask } from '../tasks/task-state.js';
import { asUpload, getTask, type TaskKey, type TaskRow } from '../tasks/tasks.js';
import { BYTES_AT_ONCE, type Correction, wrong } from './read-corrections.js';
import { type ReadRecord, recordReader } from './read-record.js';

/**
 * Loads corrected rows into the table of a completed upload, each under its own number, in one transaction: rows,
 * rejects and receipt change together or not at all. Rows that are still bad stay rejects, as they are now; rows that
 * are loaded already are passed over, so that the same request may be sent again.
 * @throws {TaskError} task_not_found, upload_incomplete, target_changed, invalid_request
 */
export async function loadCorrections(pool: pg.Pool, key: TaskKey, corrections: Correction[]): Promise<TaskRow> {
  return withTransaction(pool, async (client) => {
    const task = await lockTask(client, (await getTask(client, key)).id);
    checkTask(task, corrections);
    const target = await targetOf(client, task);
    const rejects = await rejectsOf(
      client,
      task.id,
      corrections.map(({ row }) => row),
    );
    const offsets = new Map(rejects.map(({ row, byteOffset }) => [row, byteOffset]));
    const open = corrections.filter(({ row }) => offsets.has(row));
    await removeRejectsOf(
      client,
      task.id,
      open.map(({ row }) => row),
    );
    const bad = await insert(client, task, target, open, offsets).catch(refusedInsert);
    if (open.length > 0) await recordLoaded(client, task, open.length - bad, bad);
    return getTask(client, key);
  });
}

function checkTask({ state, task_name, rows_total }: TaskRow, corrections: Correction[]): void {
  if (state !== 'completed') {
    const detail = `The upload "${task_name}" is ${state}; corrected rows are loaded once it is completed.`;
    throw new TaskError('upload_incomplete', detail, { current_state: state });
  }
  const outside = corrections.find(({ row }) => row > rows_total!);
  if (outside) throw wrong(`names row ${outside.row}; the uploaded file has ${rows_total} rows`);
}

/** The table, held until the transaction ends, by the numbers of its columns: they may have been renamed. */
async function targetOf(client: pg.ClientBase, { table_oid, columns }: TaskRow): Promise<InsertTarget> {
  const found = table_oid === null ? null : await lockTable(client, table_oid);
  const numbers = [1, ...columns!.map((_, i) => attributeNumber(i))];
  const own = numbers.map((number) => found?.columns.find((column) => column.number === number));
  if (!found || !own.every((column) => column !== undefined)) {
    const detail = 'The table of the upload was dropped, or a column of it. Upload the file again.';
    throw new TaskError('target_changed', detail);
  }
  const names = columns!.map(({ type }) => type);
  const types = await typesOf(client, names);
  const altered = own.slice(1).findIndex(({ type }, i) => type !== types[i]);
  if (altered >= 0) {
    const { name, type } = own[altered + 1]!;
    const detail = `The column ${JSON.stringify(name)} of the table is ${type} now, not ${names[altered]}, so it could alter values. Change it back, or upload the file again.`;
    throw new TaskError('target_changed', detail);
  }
  return { table: found.table, columns: own.map(({ name }) => name), types };
}

/** Returns types by the names that PostgreSQL gives them, without a length or a precision. */
async function typesOf(client: pg.ClientBase, names: string[]): Promise<string[]> {
  const { rows } = await client.query(
    `SELECT ARRAY(SELECT format_type(name::regtype, NULL)
                    FROM unnest($1::text[]) WITH ORDINALITY AS t (name, place) ORDER BY place) AS types`,
    [names],
  );
  return rows[0].types;
}

/** Inserts the rows that can be loaded, stores the others as rejects and returns how many these are. */
async function insert(
  client: pg.ClientBase,
  task: TaskRow,
  target: InsertTarget,
  corrections: Correction[],
  offsets: Map<number, number>,
): Promise<number> {
  const checker = new RowChecker(task, undefined, true);
  const encode = rowEncoder(task, checker);
  let rejected = 0;
  for (const group of groupsOf(corrections)) {
    const bad: Reject[] = [];
    const lines: Buffer[] = [];
    const records = group.map(({ row, raw }) => ({ row, raw, byteOffset: offsets.get(row)! }));
    for (const record of records) {
      const { line, reject } = encode(record);
      if (reject) bad.push({ ...reject, ...record });
      else lines.push(line);
    }
    const byRow = new Map(records.map((record) => [record.row, record]));
    const refusals = lines.length > 0 ? await insertRows(client, target, Buffer.concat(lines)) : [];
    for (const refused of refusals) {
      const record = byRow.get(refused.row)!;
      const batch = { ...EMPTY, bytes: record.raw, byteOffset: 0, firstRow: refused.row };
      const [reject] = checker.describe(batch, [refused]);
      bad.push({ ...reject!, ...record });
    }
    await storeRejects(client, task.id, bad);
    rejected += bad.length;
  }
  return rejected;
}

/** In groups of a few milliseconds' work each: the event loop serves others while PostgreSQL takes one. */
function* groupsOf(corrections: Correction[]): Generator<Correction[]> {
  let group: Correction[] = [];
  let bytes = 0;
  for (const correction of corrections) {
    group.push(correction);
    bytes += correction.raw.length;
    if (bytes < BYTES_AT_ONCE) continue;
    yield group;
    [group, bytes] = [[], 0];
  }
  yield group;
}

/** Makes rows for COPY of corrected records in the manner of the uploaded file. */
function rowEncoder(task: TaskRow, checker: RowChecker): (record: Place & { raw: Buffer }) => Checked {
  const dialect = textDialect(task);
  const columns = task.columns!.length;
  const encoder = createEngine().encoder({ dialect, columns });
  const read = recordReader(asUpload(task).converted?.reading ?? null);
  // In a table of one column an empty line is a row.
  const emptyLine = Buffer.from(columns === 1 ? dialect.newline : '');
  return ({ raw, ...place }) => {
    const record = read(raw);
    return asRow(record.text?.length === 0 ? { text: emptyLine } : record, place, encoder, checker);
  };
}

/** Refuses the request where PostgreSQL refuses any row, since the table was altered after it was published. */
function refusedInsert(error: unknown): never {
  if (!['refused', 'target_changed'].includes(meaningOf(error))) throw error;
  const { code } = error as { code?: string };
  const detail =
    `PostgreSQL refuses rows of the table (SQLSTATE ${code}): it was altered after the upload. ` +
    'Undo the change, then send the rows again.';
  throw new TaskError('target_changed', detail, {}, { cause: error });
}

const EMPTY = { consumed: 0, written: 0, rows: 0, loaded: 0, refused: [] };

type Checked =
  | { line: Buffer; reject?: undefined }
  | { line?: undefined; reject: Omit<Reject, 'row' | 'byteOffset' | 'raw'> };

/** A record as a row for COPY, or why it is none. */
function asRow(record: ReadRecord, place: Place, encoder: RecordEncoder, checker: RowChecker): Checked {
  if (record.fault) return { reject: { ...record.fault, column: null, value: null } };
  const { text } = record;
  let out = Buffer.allocUnsafe(2 * text.length + 64);
  const options = { from: 0, firstRow: place.row, final: true, maxInput: Number.POSITIVE_INFINITY };
  try {
    let encoded = encoder.encode(text, { ...options, out });
    if (encoded.needed !== undefined) {
      out = Buffer.allocUnsafe(encoded.needed);
      encoded = encoder.encode(text, { ...options, out });
    }
    if (encoded.rows === 0) return refusal('too_few_fields', 'raw is empty');
    if (encoded.rows !== 1 || encoded.consumed < text.length)
      return refusal('several_records', 'raw is not one row: quote the line breaks inside of it');
    const batch = { ...encoded, bytes: text, byteOffset: place.byteOffset, firstRow: place.row };
    const { rejects, written } = checker.check(batch, out);
    return rejects[0] ? { reject: rejects[0] } : { line: out.subarray(0, written) };
  } catch (error) {
    if (!(error instanceof TaskError)) throw error;
    return refusal('unclosed_quote', 'a quote is opened in the row and not closed');
  }
}

interface Place {
  row: number;
  byteOffset: number;
}

function refusal(code: RejectCode, reason: string): Checked {
  return { reject: { code, reason, column: null, value: null } };
}

/** Brings the receipt up to date: it balances as before. */
async function recordLoaded(client: pg.ClientBase, task: TaskRow, loaded: number, rejected: number): Promise<void> {
  await client.query(
    `UPDATE long_task.tasks SET version = version + 1, updated_at = clock_timestamp(),
            receipt = receipt || jsonb_build_object('rows_loaded', (receipt ->> 'rows_loaded')::bigint + $2::bigint,
                                                    'rows_rejected', rows_rejected)
      WHERE id = $1`,
    [task.id, loaded],
  );
  await addNote(client, task, `corrected rows: ${loaded} were loaded, ${rejected} are rejected still`);
}
