import type pg from 'pg';
import { RowSet } from '../csv/row-set.js';
import { meaningOf } from '../postgres/sqlstate.js';
import type { StoreFile } from '../storage/store.js';
import { type Checkpoint, partEvidence, type UploadPart } from '../tasks/checkpoints.js';
import type { Fence } from '../tasks/fence.js';
import { rejectedRows } from '../tasks/rejects.js';
import { asUpload, type TaskRow } from '../tasks/tasks.js';
import { BatchCommitter } from './batch-committer.js';
import { BatchEncoder, type EncodedBatch, READ_AHEAD } from './batch-encoder.js';
import type { Beat, Dependencies } from './context.js';
import { PartReader } from './part-reader.js';
import { RateLimiter } from './rate-limiter.js';
import { RowChecker } from './refused-rows.js';
import { textDialect } from './source.js';
import { SourceRejects } from './source-rejects.js';

/**
 * The approximate bytes of a batch, which is one transaction. Longer batches cost less per row, since every COPY first
 * allocates room for hundreds of rows. A pause does not wait for the end of a batch.
 */
export const BATCH_BYTES = 2 << 20;

/** The number of buffers with which a part is loaded. */
export const LOAD_BUFFERS = 3;

/** Batches are short while PostgreSQL refuses rows: inserting them takes longer than COPY, and a pause waits for it. */
const CAREFUL_BYTES = 1 << 15;

export interface PartWork extends Pick<Dependencies, 'rateLimiter' | 'csv' | 'metrics' | 'store'> {
  client: pg.ClientBase;
  task: TaskRow;
  fence: Fence;
  part: Checkpoint & UploadPart;
  file: StoreFile;
  /** Buffers that hold a batch: as it is in the file, and two as it is sent. */
  input: Buffer;
  outs: Buffer[];
  signal: AbortSignal;
  beat: Beat;
  /** No commit waits for the disk: the caller makes a later one that does. */
  isAsync?: boolean;
}

/** Loads a part batch by batch from its checkpoint to its end. Used once. */
export class PartLoader {
  readonly #work: PartWork;
  readonly #rate: number | undefined;
  /** The max bytes of a batch at that rate, and of the next batch. */
  readonly #portion: number;
  #most: number;
  /** Up to this byte of the file the rows are inserted, not copied: PostgreSQL refuses some of them. */
  #carefulUntil = 0;
  #wasCancelled = false;

  constructor(work: PartWork) {
    this.#work = work;
    this.#rate = work.task.options.max_bytes_per_second;
    this.#portion = RateLimiter.portion(this.#rate, BATCH_BYTES);
    this.#most = this.#portion;
  }

  /**
   * Loads to the end of the part, or until the task has to wait for its rate.
   * @returns the part as it is then
   * @throws {FencedError} when a command or another attempt took over; {TaskError} reject_limit
   */
  async load(): Promise<Checkpoint & UploadPart> {
    const { client, task, part, signal, rateLimiter, store, isAsync } = this.#work;
    // Rows and checkpoint are lost or kept together, so only the part's last commit has to wait for the disk.
    if (!isAsync) await client.query('SET synchronous_commit = off');
    const { options } = asUpload(task);
    const checker = new RowChecker(task, options.columns && (await partEvidence(client, task.id, part.partNo)));
    const rejects = new SourceRejects(store, task);
    const committer = new BatchCommitter({ ...this.#work, checker, rejects });
    const encoder = await this.#createEncoder(checker);
    try {
      while (committer.part.byteOffset < part.byteTo) {
        signal.throwIfAborted();
        const batch = await encoder.next(committer.place, this.#most);
        const isCareful = batch.byteOffset < this.#carefulUntil;
        try {
          const refused = await committer.commit(batch, isCareful, () => this.#prepareNext(encoder, batch));
          this.#hasCommitted(batch, refused);
          rateLimiter.charge(task.id, batch.consumed, this.#rate);
          // Never after a failed batch: only this object knows how far the batch was halved.
          if (rateLimiter.owes(task.id)) break;
        } catch (error) {
          this.#hasFailed(batch, isCareful, error);
        }
      }
    } finally {
      await encoder.end();
    }
    return { ...committer.part, done: committer.part.byteOffset === part.byteTo };
  }

  /**
   * Starts to read and encode the next batch while PostgreSQL works on this one. Does not when the task has a rate, nor
   * after a long record: a second one as long would be in memory at the same time.
   */
  #prepareNext(encoder: BatchEncoder, batch: EncodedBatch): void {
    const place = { byteOffset: batch.byteOffset + batch.consumed, row: batch.firstRow + batch.rows };
    const isLong = batch.consumed > this.#portion + READ_AHEAD;
    const isLast = place.byteOffset === this.#work.part.byteTo;
    if (!this.#rate && !isLong && !isLast) encoder.prepare(place, this.#mostAfter(batch));
  }

  async #createEncoder(checker: RowChecker): Promise<BatchEncoder> {
    const { client, task, part, csv, file, input, outs } = this.#work;
    const dialect = textDialect(task);
    const known = await rejectedRows(client, task.id, part.firstRow + part.rowsDone, part.firstRow + part.rows - 1);
    return new BatchEncoder({
      reader: new PartReader(file, part, input),
      encoder: csv.encoder({ dialect, columns: task.columns!.length }),
      checker,
      skip: new RowSet(known),
      outs,
    });
  }

  #hasCommitted(batch: EncodedBatch, refused: number): void {
    const end = batch.byteOffset + batch.consumed;
    // After refused rows more may follow: a COPY would fail, and the server would log the error.
    if (refused > 0) this.#carefulUntil = Math.max(this.#carefulUntil, end + 1);
    this.#most = end < this.#carefulUntil ? Math.min(this.#portion, CAREFUL_BYTES) : this.#mostAfter(batch);
    this.#wasCancelled = false;
  }

  /** Returns the max bytes of the batch after a copied one. */
  #mostAfter({ consumed }: EncodedBatch): number {
    return Math.min(this.#portion, Math.max(READ_AHEAD, consumed * 2));
  }

  /** Prepares another way to load the failed batch. @throws the error where there is no other way */
  #hasFailed({ byteOffset, consumed }: EncodedBatch, isCareful: boolean, error: unknown): void {
    if (meaningOf(error) === 'cancelled' && !this.#wasCancelled) {
      // A waiting command cancelled it, and the next transaction finds its epoch. A second cancel has another cause.
      this.#wasCancelled = true;
      return;
    }
    if (meaningOf(error) !== 'bad_value' || isCareful) throw error;
    this.#carefulUntil = byteOffset + consumed;
    this.#most = Math.min(this.#most, CAREFUL_BYTES);
  }
}
