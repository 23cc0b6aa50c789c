import { createHash } from 'node:crypto';
import type pg from 'pg';
import { TaskError } from '../contract/errors.js';
import type { TaskRef } from '../contract/messages.js';
import type { Source } from '../contract/task.js';
import type { Dialect } from '../csv/dialect.js';
import { BatchEncoder } from '../csv/encode.js';
import { recordAt } from '../csv/record-at.js';
import { failpoint } from '../failpoint.js';
import { advancePart, type Checkpoint, claimPart, type UploadPart } from '../postgres/checkpoints.js';
import { copyFault, copyIn, type CopyTarget } from '../postgres/copy.js';
import { type Fence, sessionName, withFence } from '../postgres/fence.js';
import { withClient } from '../postgres/pool.js';
import { countRejects, type Reject, rejectedRows, storeRejects } from '../postgres/rejects.js';
import { meaningOf } from '../postgres/sqlstate.js';
import { checkStaging, ROW_COLUMN, stagingTable } from '../postgres/staging.js';
import { getTaskById, type TaskRow } from '../postgres/tasks.js';
import type { Store } from '../storage/store.js';
import { type Dependencies, type Fenceable, perform } from './context.js';
import { rejectLimit } from './inspect.js';
import { Pacer } from './pacer.js';
import { openSource } from './source.js';

/** A batch is one transaction of about this many bytes: 20–30 ms of COPY, and so the time a pause waits for at most. */
const BATCH_BYTES = 1 << 20;

/**
 * Loads one part from where its checkpoint stands. Each batch is one transaction behind the fence: COPY, rejects and
 * checkpoint commit together or not at all.
 */
export function loadPartActivity(dependencies: Dependencies) {
  const { pool, store, log } = dependencies;
  return async ({ taskId, epoch, partNo }: TaskRef & { epoch: number; partNo: number }): Promise<Fenceable<{ rows: number; bytes: number }>> =>
    perform(log, async (signal) => {
      const task = await getTaskById(pool, taskId);
      const fence: Fence = { taskId, lockKey: task.lock_key, epoch };
      const role = `part ${partNo}`;
      return withClient(
        pool,
        async (client) => {
          const part = await claimPart(client, fence, partNo, role);
          await failpoint('load:after-claim');
          if (part.done) return { rows: part.rows, bytes: part.byteTo - part.byteFrom };
          await checkStaging(client, task.staging_oid, task.lock_key, task.columns!);
          const bytes = await readPart(store, task.source!, part);
          await new PartLoader(dependencies, client, task, fence, part, bytes, signal).load();
          await failpoint('load:after-part');
          return { rows: part.rows, bytes: part.byteTo - part.byteFrom };
        },
        sessionName(task.lock_key, role),
      );
    });
}

/**
 * Reads the bytes of a part and proves that they are the ones that were inspected.
 * @throws {TaskError} source_changed
 */
async function readPart(store: Store, source: Source, part: UploadPart): Promise<Buffer> {
  const file = await openSource(store, source);
  try {
    const bytes = Buffer.allocUnsafeSlow(part.byteTo - part.byteFrom);
    const length = await file.read(bytes, part.byteFrom);
    if (length === bytes.length && createHash('sha256').update(bytes).digest('hex') === part.sha256) return bytes;
    throw new TaskError(
      'source_changed',
      `The source file changed after it was inspected (bytes ${part.byteFrom} to ${part.byteTo}). Start a new upload.`,
    );
  } finally {
    await file.close();
  }
}

class PartLoader {
  readonly #encoder: BatchEncoder;
  readonly #target: CopyTarget;
  #out = Buffer.allocUnsafeSlow(BATCH_BYTES + (BATCH_BYTES >> 1));
  #skip = new Set<number>();
  #checkpoint: Checkpoint;
  #nextRow: number;

  constructor(
    readonly dependencies: Dependencies,
    readonly client: pg.ClientBase,
    readonly task: TaskRow,
    readonly fence: Fence,
    readonly part: Checkpoint & UploadPart,
    readonly bytes: Buffer,
    readonly signal: AbortSignal,
  ) {
    const dialect = task.dialect as unknown as Dialect;
    this.#encoder = new BatchEncoder({ dialect, columns: task.columns!.length });
    this.#target = {
      table: stagingTable(task.lock_key),
      columns: [ROW_COLUMN, ...task.columns!.map((column) => column.name)],
      delimiter: dialect.delimiter,
    };
    this.#checkpoint = part;
    this.#nextRow = part.firstRow + part.rowsDone;
  }

  async load(): Promise<void> {
    // Rows and checkpoint are lost or kept together, so only the part's last commit has to wait for the disk.
    await this.client.query('SET synchronous_commit = off');
    this.#skip = await rejectedRows(this.client, this.task.id, this.part.firstRow, this.part.firstRow + this.part.rows - 1);
    const rate = this.task.options.max_bytes_per_second;
    let portion = Pacer.portion(rate, BATCH_BYTES);
    while (this.#checkpoint.byteOffset < this.part.byteTo) {
      this.signal.throwIfAborted();
      const batch = this.#encode(portion);
      await this.dependencies.pacer.pass(this.task.id, batch.consumed, rate, this.signal);
      try {
        await this.#commit(batch);
        portion = Pacer.portion(rate, BATCH_BYTES);
      } catch (error) {
        if (meaningOf(error) !== 'bad_value') throw error;
        // Where PostgreSQL does not say which row it was, halve the batch until it is alone.
        if (!(await this.#rejectRow(error, batch))) portion = Math.max(1, batch.consumed >> 1);
      }
    }
  }

  #encode(portion: number): Batch {
    const from = this.#checkpoint.byteOffset - this.part.byteFrom;
    const options = { from, out: this.#out, firstRow: this.#nextRow, final: true, skip: (row: number) => this.#skip.has(row), maxInput: portion };
    let batch = this.#encoder.encode(this.bytes, options);
    if (batch.consumed === 0) {
      this.#out = Buffer.allocUnsafeSlow(batch.needed ?? this.#out.length * 2);
      batch = this.#encoder.encode(this.bytes, { ...options, out: this.#out });
    }
    return { ...batch, from };
  }

  async #commit(batch: Batch): Promise<void> {
    const byteOffset = this.#checkpoint.byteOffset + batch.consumed;
    const done = byteOffset === this.part.byteTo;
    await failpoint('load:before-copy');
    await withFence(this.client, this.fence, async () => {
      if (done) await this.client.query('SET LOCAL synchronous_commit = on');
      if (batch.loaded > 0) await copyIn(this.client, this.#target, this.#out.subarray(0, batch.written));
      await failpoint('load:after-copy');
      await advancePart(this.client, this.task.id, this.#checkpoint, {
        byteOffset,
        rows: batch.rows,
        rejected: batch.rows - batch.loaded,
        done,
      });
      await failpoint('load:before-commit');
    });
    await failpoint('load:after-commit');
    this.#checkpoint = { ...this.#checkpoint, byteOffset };
    this.#nextRow += batch.rows;
  }

  /** Puts the row that PostgreSQL refused among the rejects. False when it is not known yet which row that was. */
  async #rejectRow(error: unknown, batch: Batch): Promise<boolean> {
    const fault = copyFault(error);
    const row = fault ? recordAt(this.#out.subarray(0, batch.written), this.task.dialect as unknown as Dialect, fault.line) : batch.loaded === 1 ? this.#onlyRow(batch) : null;
    if (row === null) return false;
    const column = this.task.columns!.find(({ name }) => name === fault?.column);
    const reject: Reject = {
      row,
      byteOffset: this.#checkpoint.byteOffset,
      column: column?.original ?? null,
      value: fault?.value?.slice(0, 200) ?? null,
      reason: column ? `the value is not a valid ${column.type}` : (fault?.message ?? 'PostgreSQL refuses the row'),
      raw: rawRow(this.#out.subarray(0, batch.written), row),
    };
    const limit = this.task.options.max_rejects;
    if ((await countRejects(this.client, this.task.id)) >= limit) throw rejectLimit(reject, limit);
    await withFence(this.client, this.fence, () => storeRejects(this.client, this.task.id, [reject]));
    this.#skip.add(row);
    return true;
  }

  #onlyRow(batch: Batch): number {
    for (let row = this.#nextRow; row < this.#nextRow + batch.rows; row++) if (!this.#skip.has(row)) return row;
    throw new Error('a batch of one row without a row');
  }
}

type Batch = ReturnType<BatchEncoder['encode']> & { from: number };

/** The text of a row as it was sent, without the number in front, shortened. */
function rawRow(batch: Buffer, row: number): string {
  const start = batch.indexOf(`${row}`) + `${row}`.length + 1;
  const end = batch.indexOf('\n', start);
  return batch.toString('utf8', start, Math.min(end < 0 ? batch.length : end, start + 200));
}
