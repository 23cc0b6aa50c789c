import type pg from 'pg';
import { failpoint } from '../failpoint.js';
import { copyIn } from '../postgres/copy.js';
import { type InsertTarget, insertRows } from '../tables/insert-rows.js';
import { ROW_COLUMN, stagingTable } from '../tables/staging.js';
import { advancePart, type Checkpoint, type UploadPart } from '../tasks/checkpoints.js';
import { type Fence, withFence } from '../tasks/fence.js';
import { type Reject, storeRejects } from '../tasks/rejects.js';
import type { TaskRow } from '../tasks/tasks.js';
import type { EncodedBatch, Place } from './batch-encoder.js';
import type { Beat, Dependencies } from './context.js';
import type { RowChecker } from './refused-rows.js';
import { checkFurtherRejects, limitOf, type RejectLimit } from './reject-limit.js';
import type { SourceRejects } from './source-rejects.js';

interface Committing extends Pick<Dependencies, 'metrics'> {
  client: pg.ClientBase;
  task: TaskRow;
  fence: Fence;
  part: Checkpoint & UploadPart;
  checker: RowChecker;
  /** Finds the records of rejects in the uploaded file. */
  rejects: SourceRejects;
  beat: Beat;
  isAsync?: boolean;
}

/**
 * Commits batches of a part, each from the end of the one before: rows, rejects and checkpoint together, within the
 * fence.
 */
export class BatchCommitter {
  readonly #committing: Committing;
  readonly #target: InsertTarget;
  readonly #limit: RejectLimit;
  #part: Checkpoint & UploadPart;

  constructor(committing: Committing) {
    const { task, part } = committing;
    this.#committing = committing;
    this.#target = {
      table: stagingTable(task.lock_key),
      columns: [ROW_COLUMN, ...task.columns!.map((column) => column.name)],
      types: task.columns!.map((column) => column.type),
    };
    this.#limit = limitOf(task);
    this.#part = part;
    this.#tell();
  }

  /** The part, as it is after the last commit. */
  get part(): Checkpoint & UploadPart {
    return this.#part;
  }

  /** Where the next batch has to begin. */
  get place(): Place {
    return { byteOffset: this.#part.byteOffset, row: this.#part.firstRow + this.#part.rowsDone };
  }

  /**
   * Commits the batch that begins at `place`.
   * @param isCareful inserts the rows, so that PostgreSQL refuses single ones. Slower than COPY, which fails as a whole
   * @param meanwhile is called when PostgreSQL has started to work on a COPY
   * @returns how many rows PostgreSQL refused
   * @throws {FencedError} when a command or another attempt took over; {TaskError} reject_limit
   */
  async commit(batch: EncodedBatch, isCareful: boolean, meanwhile: () => void): Promise<number> {
    const { client, fence, task, metrics, isAsync } = this.#committing;
    const byteOffset = this.#part.byteOffset + batch.consumed;
    const done = byteOffset === this.#part.byteTo;
    const found = await this.#committing.rejects.find(batch.rejects);
    await checkFurtherRejects(client, this.#limit, found);
    await failpoint('load:before-copy');
    const clock = metrics.startBatch();
    const refused = await withFence(client, fence, async () => {
      clock.entered();
      if (done && !isAsync) await client.query('SET LOCAL synchronous_commit = on');
      const refused = batch.loaded > 0 ? await this.#send(batch, isCareful, meanwhile) : [];
      const rejects = [...found, ...refused].sort((a, b) => a.row - b.row);
      if (refused.length > 0) await checkFurtherRejects(client, this.#limit, rejects);
      await storeRejects(client, task.id, rejects);
      await failpoint('load:after-copy');
      const rejected = batch.rows - batch.loaded + refused.length;
      await advancePart(client, task.id, this.#part, { byteOffset, rows: batch.rows, rejected, done });
      await failpoint('load:before-commit');
      clock.sent();
      return refused.length;
    });
    const loaded = batch.loaded - refused;
    clock.committed({ rows: loaded, rejected: batch.rows - loaded, bytes: batch.consumed });
    await failpoint('load:after-commit');
    this.#part = { ...this.#part, byteOffset, rowsDone: this.#part.rowsDone + batch.rows, done };
    this.#tell();
    return refused;
  }

  /** Puts the committed progress of the part into the next heartbeat. */
  #tell(): void {
    const { partNo, byteFrom, byteOffset, rowsDone } = this.#part;
    const beat: Beat = { part: partNo, rows: rowsDone, bytes: byteOffset - byteFrom, offset: byteOffset };
    Object.assign(this.#committing.beat, beat);
  }

  /** Writes the rows of a batch to the table, and returns those that PostgreSQL refused. */
  async #send(batch: EncodedBatch, isCareful: boolean, meanwhile: () => void): Promise<Reject[]> {
    const { client, checker, rejects } = this.#committing;
    if (isCareful) return rejects.find(checker.describe(batch, await insertRows(client, this.#target, batch.lines)));
    const copied = copyIn(client, this.#target, batch.lines);
    meanwhile();
    await copied;
    return [];
  }
}
