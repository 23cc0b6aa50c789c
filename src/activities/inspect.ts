import { createHash, type Hash } from 'node:crypto';
import type pg from 'pg';
import { TaskError } from '../contract/errors.js';
import type { TaskRef } from '../contract/messages.js';
import type { Source, UploadOptions } from '../contract/task.js';
import { type Dialect, detectDialect } from '../csv/dialect.js';
import { type ColumnEvidence, columnType, describeEvidence, emptyEvidence, mergeEvidence, shiftRows } from '../csv/evidence.js';
import { columnNames, readHeader } from '../csv/header.js';
import type { Malformed } from '../csv/malformed.js';
import { RecordScanner } from '../csv/scan.js';
import { assertText } from '../csv/sniff.js';
import { failpoint } from '../failpoint.js';
import { listParts, storePart } from '../postgres/checkpoints.js';
import { enterPhase } from '../postgres/commands.js';
import { type Fence, sessionName, withFence } from '../postgres/fence.js';
import { withClient } from '../postgres/pool.js';
import { countRejects, listRejects, type Reject, storeRejects } from '../postgres/rejects.js';
import { type Column, getTaskById, type TaskRow } from '../postgres/tasks.js';
import type { StoreFile } from '../storage/store.js';
import { type Dependencies, type Fenceable, perform } from './context.js';
import { openSource } from './source.js';

/** Parts are about this long: work done again after a kill is at most a batch, read again at most a part. */
export const PART_BYTES = 8 << 20;

/** What is looked at to find dialect and header: room for 1,600 columns with names of 200 bytes. */
const HEAD_BYTES = 1 << 20;
const READ_BYTES = 1 << 20;

/**
 * One streaming pass over the whole file: dialect, record boundaries, row count, evidence for each column's type, malformed
 * rows, and the parts, stored as they are found, so that an interrupted inspect goes on behind the last one.
 */
export function inspectActivity({ pool, store, log }: Dependencies) {
  return async ({ taskId, epoch }: TaskRef & { epoch: number }): Promise<Fenceable<{ parts: number; rows: number }>> =>
    perform(log, async (signal) => {
      const task = await getTaskById(pool, taskId);
      const source = task.source as Source;
      const fence = { taskId, lockKey: task.lock_key, epoch };
      const file = await openSource(store, source);
      try {
        return await withClient(pool, (client) => inspectFile({ client, task, fence, file, signal }), sessionName(task.lock_key, 'inspect'));
      } finally {
        await file.close();
      }
    });
}

interface Inspection {
  client: pg.ClientBase;
  task: TaskRow;
  fence: Fence;
  file: StoreFile;
  signal: AbortSignal;
}

async function inspectFile(inspection: Inspection): Promise<{ parts: number; rows: number }> {
  const { client, task, fence, file, signal } = inspection;
  await withFence(client, fence, () => enterPhase(client, task.id, 'inspecting'));
  const { dialect, headers, dataOffset } = await readHead(file, task.options);
  const found = await listParts(client, task.id);
  const evidence = headers.map(emptyEvidence);
  for (const part of found) merge(evidence, part.evidence as ColumnEvidence[], part.firstRow - 1);
  let offset = found.at(-1)?.byteTo ?? dataOffset;
  let rows = found.reduce((sum, part) => sum + part.rows, 0);
  let rejected = await countRejects(client, task.id);
  const reader = new PartScanner(file, dialect, headers.length);
  await checkRejectLimit(client, task, rejected);
  for (let partNo = found.length + 1; offset < file.size; partNo++) {
    signal.throwIfAborted();
    const part = await reader.scanPart(offset, rows, signal);
    await failpoint('inspect:before-store-part');
    await withFence(client, fence, async () => {
      await storePart(client, task.id, { ...part, partNo, firstRow: rows + 1 }, part.evidence);
      await storeRejects(client, task.id, part.malformed.map((bad) => asReject(bad, rows, headers)));
    });
    await failpoint('inspect:after-store-part');
    merge(evidence, part.evidence, rows);
    offset = part.byteTo;
    rows += part.rows;
    rejected += part.malformed.length;
    if (part.malformed.length > 0) await checkRejectLimit(client, task, rejected);
  }
  const columns = chooseColumns(headers, evidence, task.options);
  await withFence(client, fence, () =>
    client.query('UPDATE long_task.tasks SET dialect = $2, columns = $3, data_offset = $4, rows_total = $5 WHERE id = $1', [
      task.id,
      JSON.stringify(dialect),
      JSON.stringify(columns),
      dataOffset,
      rows,
    ]),
  );
  return { parts: (await listParts(client, task.id)).length, rows };
}

async function readHead(file: StoreFile, options: UploadOptions): Promise<{ dialect: Dialect; headers: string[]; dataOffset: number }> {
  const buffer = Buffer.allocUnsafe(Math.min(HEAD_BYTES, file.size));
  const head = buffer.subarray(0, await file.read(buffer, 0));
  assertText(head);
  const dialect = detectDialect(head, options.dialect);
  const { names, end } = readHeader(head, dialect);
  return { dialect, headers: names, dataOffset: end };
}

interface ScannedPart {
  byteFrom: number;
  byteTo: number;
  rows: number;
  sha256: string;
  evidence: ColumnEvidence[];
  malformed: Malformed[];
}

/** Reads and scans the file part by part through one buffer, which grows only for a record longer than it. */
class PartScanner {
  #buffer = Buffer.allocUnsafe(READ_BYTES);

  constructor(
    readonly file: StoreFile,
    readonly dialect: Dialect,
    readonly columns: number,
  ) {}

  async scanPart(byteFrom: number, rowsBefore: number, signal: AbortSignal): Promise<ScannedPart> {
    const scanner = new RecordScanner({ dialect: this.dialect, columns: this.columns });
    const hash = createHash('sha256');
    let position = byteFrom;
    while (!scanner.stopped && position < this.file.size) {
      signal.throwIfAborted();
      position += await this.#scanOnce(scanner, hash, position, byteFrom + PART_BYTES, rowsBefore);
    }
    return { byteFrom, byteTo: position, rows: scanner.rows, sha256: hash.digest('hex'), evidence: scanner.evidence, malformed: scanner.malformed };
  }

  async #scanOnce(scanner: RecordScanner, hash: Hash, position: number, stopAt: number, rowsBefore: number): Promise<number> {
    const length = await this.file.read(this.#buffer, position);
    const bytes = this.#buffer.subarray(0, length);
    const final = position + length >= this.file.size;
    let consumed: number;
    try {
      consumed = scanner.scan(bytes, { baseOffset: position, final, stopAt });
    } catch (error) {
      throw withAbsoluteRow(error, rowsBefore);
    }
    hash.update(bytes.subarray(0, consumed));
    // Not one whole record fits: the scanner itself says when a record is too large.
    if (consumed === 0 && !final) this.#buffer = Buffer.allocUnsafe(this.#buffer.length * 2);
    if (consumed === 0 && length === 0) throw new TaskError('source_changed', 'The source file became shorter while it was read.');
    return consumed;
  }
}

/** The scanner counts rows from where it began. */
function withAbsoluteRow(error: unknown, rowsBefore: number): unknown {
  const { row } = error as { row?: number };
  if (row !== undefined) (error as { row: number }).row = row + rowsBefore;
  return error;
}

function merge(into: ColumnEvidence[], more: ColumnEvidence[], rowsBefore: number): void {
  for (const [i, evidence] of more.entries()) into[i] = mergeEvidence(into[i]!, shiftRows(evidence, rowsBefore));
}

function asReject(bad: Malformed, rowsBefore: number, headers: string[]): Reject {
  return {
    row: bad.row + rowsBefore,
    byteOffset: bad.byteOffset,
    column: columnAtFault(bad, headers),
    value: null,
    reason: describeMalformed(bad, headers.length),
    raw: bad.excerpt,
  };
}

/** Where a row has too few fields, the first column that it lacks. */
function columnAtFault(bad: Malformed, headers: string[]): string | null {
  if (bad.reason === 'too_few_fields') return headers[bad.found] ?? null;
  return bad.column === null ? null : (headers[bad.column - 1] ?? null);
}

function describeMalformed(bad: Malformed, columns: number): string {
  if (bad.reason === 'stray_quote') return 'a quote stands inside an unquoted value, or text follows a closing quote';
  if (bad.reason === 'nul_byte') return 'the row holds a NUL byte, which PostgreSQL text cannot hold';
  return `the row has ${bad.found} fields, the header has ${columns}`;
}

/** @throws {TaskError} reject_limit, naming the first row over the limit */
async function checkRejectLimit(client: pg.ClientBase, task: TaskRow, rejected: number): Promise<void> {
  const limit = task.options.max_rejects;
  if (rejected <= limit) return;
  const [worst] = (await listRejects(client, task.id, 0, limit + 1)).slice(-1);
  throw rejectLimit(worst!, limit);
}

export function rejectLimit(reject: Reject, limit: number): TaskError {
  return new TaskError(
    'reject_limit',
    `Row ${reject.row} cannot be loaded: ${reject.reason}. ${limit === 0 ? 'No bad row is allowed' : `At most ${limit} bad rows are allowed`} ` +
      '(max_rejects). Resume with a higher max_rejects to leave bad rows out, or terminate, mend the file and start again.',
    {
      row: reject.row,
      byte_offset: reject.byteOffset,
      ...(reject.column !== null && { column: reject.column }),
      value: (reject.value ?? reject.raw).slice(0, 200),
    },
  );
}

function chooseColumns(headers: string[], evidence: ColumnEvidence[], options: UploadOptions): Column[] {
  const names = columnNames(headers);
  return headers.map((original, i) => {
    const asked = options.columns && Object.hasOwn(options.columns, original) ? options.columns[original] : undefined;
    return {
      original,
      name: names[i]!,
      type: asked ?? columnType(evidence[i]!),
      evidence: asked ? 'asked for by the caller' : describeEvidence(evidence[i]!),
    };
  });
}
