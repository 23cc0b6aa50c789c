import type pg from 'pg';
import type { TaskError } from '../contract/errors.js';
import { GROWTH, MAX_RECORD_BYTES } from '../contract/limits.js';
import type { Dialect } from '../csv/dialect.js';
import type { RecordEncoder } from '../csv/record-encoder.js';
import { RowSet } from '../csv/row-set.js';
import { failpoint } from '../failpoint.js';
import { sourceTruncated } from '../intake/scan-part.js';
import { copyIn } from '../postgres/copy.js';
import { meaningOf } from '../postgres/sqlstate.js';
import type { StoreFile } from '../storage/store.js';
import { type InsertTarget, insertRows } from '../tables/insert-rows.js';
import { ROW_COLUMN, stagingTable } from '../tables/staging.js';
import { advancePart, type Checkpoint, partEvidence, type UploadPart } from '../tasks/checkpoints.js';
import { type Fence, withFence } from '../tasks/fence.js';
import { countRejects, type Reject, rejectedRows, storeRejects } from '../tasks/rejects.js';
import type { TaskRow } from '../tasks/tasks.js';
import type { Beat, Dependencies } from './context.js';
import { rejectLimit } from './malformed-rows.js';
import { RateLimiter } from './rate-limiter.js';
import { type CheckedBatch, MAX_REFUSED, RowChecker } from './refused-rows.js';

/**
 * A batch is one transaction of about this many bytes. The longer, the less each row costs (every COPY begins with
 * making room for hundreds of rows); a pause does not wait for its end.
 */
export const BATCH_BYTES = 1 << 20;

/** Batches are short while PostgreSQL refuses rows: inserting them takes longer than COPY, and a pause waits for it. */
const CAREFUL_BYTES = 1 << 15;

/** Read with a batch, for the end of its last record. */
const READ_AHEAD = 1 << 16;

export interface PartWork extends Pick<Dependencies, 'rateLimiter' | 'csv' | 'metrics'> {
  client: pg.ClientBase;
  task: TaskRow;
  fence: Fence;
  part: Checkpoint & UploadPart;
  file: StoreFile;
  /** Two buffers that hold a batch: as it is in the file, and as it is sent. */
  input: Buffer;
  out: Buffer;
  signal: AbortSignal;
  beat: Beat;
}

/** Loads a part batch by batch from its checkpoint to its end. Used once. */
export class PartLoader {
  readonly #work: PartWork;
  readonly #encoder: RecordEncoder;
  readonly #target: InsertTarget;
  readonly #rate: number | undefined;
  #input: Buffer;
  #out: Buffer;
  #skip = new RowSet();
  #checker!: RowChecker;
  /** Up to this byte of the file the rows are inserted, not copied: PostgreSQL refuses some of them. */
  #carefulUntil = 0;
  #checkpoint: Checkpoint;
  #nextRow: number;

  constructor(work: PartWork) {
    const { task, part, input, out } = work;
    const dialect = task.dialect as unknown as Dialect;
    this.#work = work;
    this.#encoder = work.csv.encoder({ dialect, columns: task.columns!.length });
    this.#target = {
      table: stagingTable(task.lock_key),
      columns: [ROW_COLUMN, ...task.columns!.map((column) => column.name)],
      types: task.columns!.map((column) => column.type),
    };
    this.#rate = task.options.max_bytes_per_second;
    this.#input = input;
    this.#out = out;
    this.#checkpoint = part;
    this.#nextRow = part.firstRow + part.rowsDone;
    this.#tell();
  }

  /**
   * Loads to the end of the part, or until the task has to wait for its rate.
   * @returns the part as it is then
   * @throws {FencedError} when a command or another attempt took over; {TaskError} reject_limit
   */
  async load(): Promise<Checkpoint & UploadPart> {
    const { client, task, part, signal, rateLimiter } = this.#work;
    // Rows and checkpoint are lost or kept together, so only the part's last commit has to wait for the disk.
    await client.query('SET synchronous_commit = off');
    this.#skip = new RowSet(await rejectedRows(client, task.id, this.#nextRow, part.firstRow + part.rows - 1));
    this.#checker = new RowChecker(task, task.options.columns && (await partEvidence(client, task.id, part.partNo)));
    const portion = RateLimiter.portion(this.#rate, BATCH_BYTES);
    let most = portion;
    let wasCancelled = false;
    while (this.#checkpoint.byteOffset < part.byteTo) {
      signal.throwIfAborted();
      const batch = await this.#nextBatch(most);
      try {
        await this.#commit(batch);
        most = Math.min(portion, this.#isCareful ? CAREFUL_BYTES : Math.max(READ_AHEAD, batch.consumed * 2));
        wasCancelled = false;
        rateLimiter.charge(task.id, batch.consumed, this.#rate);
        // Never after a batch that failed: how far it was halved is known here alone.
        if (rateLimiter.owes(task.id)) break;
      } catch (error) {
        if (meaningOf(error) === 'cancelled' && !wasCancelled) {
          // A command that waits for us cancelled it: the next transaction finds its epoch. A second cancel in a row
          // came from elsewhere.
          wasCancelled = true;
          continue;
        }
        if (meaningOf(error) !== 'bad_value' || this.#isCareful) throw error;
        this.#carefulUntil = this.#checkpoint.byteOffset + batch.consumed;
        most = Math.min(most, CAREFUL_BYTES);
      }
    }
    return this.#state();
  }

  #state(): Checkpoint & UploadPart {
    const { part } = this.#work;
    const { byteOffset } = this.#checkpoint;
    return { ...part, byteOffset, rowsDone: this.#nextRow - part.firstRow, done: byteOffset === part.byteTo };
  }

  get #isCareful(): boolean {
    return this.#checkpoint.byteOffset < this.#carefulUntil;
  }

  /** Reads and encodes from the checkpoint on. The buffers grow only for a record that is longer than they are. */
  async #nextBatch(most: number): Promise<CheckedBatch> {
    const { part, file } = this.#work;
    const left = part.byteTo - this.#checkpoint.byteOffset;
    let reach = most + READ_AHEAD;
    for (;;) {
      const length = Math.min(left, reach);
      if (this.#input.length < length) this.#input = Buffer.allocUnsafeSlow(length);
      const bytes = this.#input.subarray(0, length);
      if ((await file.read(bytes, this.#checkpoint.byteOffset)) < length) throw sourceTruncated();
      const batch = this.#encoder.encode(bytes, {
        from: 0,
        out: this.#out,
        firstRow: this.#nextRow,
        final: length === left,
        skip: this.#skip,
        maxInput: most,
        maxRefused: MAX_REFUSED,
      });
      const { byteOffset } = this.#checkpoint;
      if (batch.consumed > 0)
        return this.#checker.check({ ...batch, bytes, byteOffset, firstRow: this.#nextRow }, this.#out);
      if (batch.needed !== undefined) this.#out = Buffer.allocUnsafeSlow(batch.needed);
      else reach = Math.min(reach * GROWTH, MAX_RECORD_BYTES + most + READ_AHEAD);
    }
  }

  async #commit(batch: CheckedBatch): Promise<void> {
    const { client, fence, task, part, metrics } = this.#work;
    const byteOffset = this.#checkpoint.byteOffset + batch.consumed;
    const done = byteOffset === part.byteTo;
    await this.#checkLimit(batch.rejects);
    await failpoint('load:before-copy');
    const clock = metrics.startBatch();
    const refused = await withFence(client, fence, async () => {
      clock.entered();
      if (done) await client.query('SET LOCAL synchronous_commit = on');
      const refused = batch.loaded > 0 ? await this.#send(batch) : [];
      const rejects = [...batch.rejects, ...refused].sort((a, b) => a.row - b.row);
      if (refused.length > 0) await this.#checkLimit(rejects);
      await storeRejects(client, task.id, rejects);
      await failpoint('load:after-copy');
      const rejected = batch.rows - batch.loaded + refused.length;
      await advancePart(client, task.id, this.#checkpoint, { byteOffset, rows: batch.rows, rejected, done });
      await failpoint('load:before-commit');
      clock.sent();
      return refused.length;
    });
    const loaded = batch.loaded - refused;
    clock.committed({ rows: loaded, rejected: batch.rows - loaded, bytes: batch.consumed });
    await failpoint('load:after-commit');
    // Where rows were refused, the next ones may be: a COPY would be in vain, and say so in the log of the server.
    if (refused > 0) this.#carefulUntil = Math.max(this.#carefulUntil, byteOffset + 1);
    this.#checkpoint = { ...this.#checkpoint, byteOffset };
    this.#nextRow += batch.rows;
    this.#tell();
  }

  /** What is committed of the part, for the next heartbeat. */
  #tell(): void {
    const { part, beat } = this.#work;
    const rows = this.#nextRow - part.firstRow;
    Object.assign(beat, { part: part.partNo, rows, bytes: this.#checkpoint.byteOffset - part.byteFrom } satisfies Beat);
  }

  /** Writes the rows of a batch to the table, and returns those that PostgreSQL refused. */
  async #send(batch: CheckedBatch): Promise<Reject[]> {
    const rows = this.#out.subarray(0, batch.written);
    if (this.#isCareful) return this.#checker.describe(batch, await insertRows(this.#work.client, this.#target, rows));
    await copyIn(this.#work.client, this.#target, rows);
    return [];
  }

  /** @throws {TaskError} reject_limit when these are too many together with those that are stored */
  async #checkLimit(rejects: Reject[]): Promise<void> {
    if (rejects.length === 0) return;
    const { options } = this.#work.task;
    const room = options.max_rejects - (await countRejects(this.#work.client, this.#work.task.id));
    if (rejects.length > room)
      throw rejectLimit(
        rejects[Math.max(0, room)]!,
        options,
        this.#work.task.columns!.map(({ original }) => original),
      ) satisfies TaskError;
  }
}
