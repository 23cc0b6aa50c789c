import type pg from 'pg';
import type { TaskError } from '../contract/errors.js';
import type { Dialect } from '../csv/dialect.js';
import { excerptOf } from '../csv/malformed.js';
import { recordAt, rowOfLine } from '../csv/record-at.js';
import type { EncodeResult, RecordEncoder } from '../csv/record-encoder.js';
import { RowSet } from '../csv/row-set.js';
import { failpoint } from '../failpoint.js';
import { sourceTruncated } from '../inspection/scan-part.js';
import { advancePart, type Checkpoint, type UploadPart } from '../postgres/checkpoints.js';
import { type CopyTarget, copyFault, copyIn } from '../postgres/copy.js';
import { type Fence, withFence } from '../postgres/fence.js';
import { countRejects, type Reject, rejectedRows, storeRejects } from '../postgres/rejects.js';
import { meaningOf } from '../postgres/sqlstate.js';
import { ROW_COLUMN, stagingTable } from '../postgres/staging.js';
import type { TaskRow } from '../postgres/tasks.js';
import type { StoreFile } from '../storage/store.js';
import type { Dependencies } from './context.js';
import { columnAtFault, describeMalformed, rejectLimit } from './malformed-rows.js';
import { Pacer } from './pacer.js';

/**
 * A batch is one transaction of about this many bytes. The longer, the less each row costs (every COPY begins with making room for
 * hundreds of rows); a pause does not wait for its end.
 */
export const BATCH_BYTES = 1 << 20;

/** After a row that PostgreSQL refuses comes a short batch: there may be more of them, and each costs its batch once more. */
const RETRY_BYTES = 1 << 16;

/** Read with a batch, for the end of its last record. */
const READ_AHEAD = 1 << 16;

/** SQLSTATE of COPY: program_limit_exceeded. */
const ROW_TOO_BIG = '54000';

export interface PartWork extends Pick<Dependencies, 'pacer' | 'csv'> {
  client: pg.ClientBase;
  task: TaskRow;
  fence: Fence;
  part: Checkpoint & UploadPart;
  file: StoreFile;
  /** Two buffers that hold a batch: as it is in the file, and as it is sent. */
  input: Buffer;
  out: Buffer;
  signal: AbortSignal;
}

type Batch = EncodeResult & { bytes: Buffer };

/** Loads a part batch by batch from its checkpoint to its end. Used once. */
export class PartLoader {
  readonly #work: PartWork;
  readonly #dialect: Dialect;
  readonly #encoder: RecordEncoder;
  readonly #target: CopyTarget;
  readonly #headers: string[];
  readonly #rate: number | undefined;
  #input: Buffer;
  #out: Buffer;
  #skip = new RowSet();
  #checkpoint: Checkpoint;
  #nextRow: number;

  constructor(work: PartWork) {
    const { task, part, input, out } = work;
    const dialect = task.dialect as unknown as Dialect;
    this.#dialect = dialect;
    this.#work = work;
    this.#encoder = work.csv.encoder({ dialect, columns: task.columns!.length });
    this.#target = {
      table: stagingTable(task.lock_key),
      columns: [ROW_COLUMN, ...task.columns!.map((column) => column.name)],
    };
    this.#headers = task.columns!.map(({ original }) => original);
    this.#rate = task.options.max_bytes_per_second;
    this.#input = input;
    this.#out = out;
    this.#checkpoint = part;
    this.#nextRow = part.firstRow + part.rowsDone;
  }

  /** @throws {FencedError} when a command or another attempt took over; {TaskError} reject_limit */
  async load(): Promise<void> {
    const { client, task, part, signal, pacer } = this.#work;
    // Rows and checkpoint are lost or kept together, so only the part's last commit has to wait for the disk.
    await client.query('SET synchronous_commit = off');
    this.#skip = new RowSet(await rejectedRows(client, task.id, part.firstRow, part.firstRow + part.rows - 1));
    const portion = Pacer.portion(this.#rate, BATCH_BYTES);
    let most = portion;
    let wasCancelled = false;
    while (this.#checkpoint.byteOffset < part.byteTo) {
      signal.throwIfAborted();
      const batch = await this.#nextBatch(most);
      await pacer.pass(task.id, batch.consumed, this.#rate, signal);
      try {
        await this.#commit(batch);
        most = Math.min(portion, most * 2);
        wasCancelled = false;
      } catch (error) {
        if (meaningOf(error) === 'cancelled' && !wasCancelled) {
          // By a command that waits for us: the next transaction finds its epoch. Twice in a row it was somebody else.
          wasCancelled = true;
          continue;
        }
        if (meaningOf(error) !== 'bad_value') throw error;
        // Where PostgreSQL does not say which row it was, halve the batch until it is alone.
        // Of what was asked for, too: a long record at the end makes a batch longer than that.
        const found = await this.#rejectRow(error, batch);
        most = Math.min(most, found ? RETRY_BYTES : Math.max(1, Math.min(most, batch.consumed) >> 1));
      }
    }
  }

  /** Reads and encodes from the checkpoint on. The buffers grow only for a record that is longer than they are. */
  async #nextBatch(most: number): Promise<Batch> {
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
      });
      if (batch.consumed > 0) return { ...batch, bytes };
      if (batch.needed !== undefined) this.#out = Buffer.allocUnsafeSlow(batch.needed);
      else reach *= 2;
    }
  }

  async #commit(batch: Batch): Promise<void> {
    const { client, fence, task, part } = this.#work;
    const byteOffset = this.#checkpoint.byteOffset + batch.consumed;
    const done = byteOffset === part.byteTo;
    const refused = batch.refused.map((record) => this.#refusedReject(record, batch));
    await this.#checkLimit(refused);
    await failpoint('load:before-copy');
    await withFence(client, fence, async () => {
      if (done) await client.query('SET LOCAL synchronous_commit = on');
      if (batch.loaded > 0) await copyIn(client, this.#target, this.#out.subarray(0, batch.written));
      await storeRejects(client, task.id, refused);
      await failpoint('load:after-copy');
      const rejected = batch.rows - batch.loaded;
      await advancePart(client, task.id, this.#checkpoint, { byteOffset, rows: batch.rows, rejected, done });
      await failpoint('load:before-commit');
    });
    await failpoint('load:after-commit');
    this.#checkpoint = { ...this.#checkpoint, byteOffset };
    this.#nextRow += batch.rows;
  }

  /** Puts the row that PostgreSQL refused among the rejects. False when it is not known yet which row that was. */
  async #rejectRow(error: unknown, batch: Batch): Promise<boolean> {
    const { client, task, fence } = this.#work;
    const sent = this.#out.subarray(0, batch.written);
    // A row too big for a page is found when COPY flushes what it has gathered: the line is only where it had come to.
    const isLate = (error as { code?: string }).code === ROW_TOO_BIG;
    const fault = isLate ? null : copyFault(error, this.#target.columns);
    const line = batch.loaded === 1 ? 1 : fault?.line;
    const row = line === undefined ? null : rowOfLine(sent, line);
    if (row === null) return false;
    // It was read from there a moment ago.
    const record = recordAt(batch.bytes, this.#dialect, this.#headers.length, row - this.#nextRow)!;
    const column = task.columns!.find(({ name }) => name === fault?.column);
    const reject: Reject = {
      row,
      byteOffset: this.#checkpoint.byteOffset + record.start,
      column: column?.original ?? null,
      value: fault?.value?.slice(0, 200) ?? null,
      reason: column ? `the value is not a valid ${column.type}` : describeRefusal(error),
      raw: excerptOf(batch.bytes, record.start, record.end),
    };
    await this.#checkLimit([reject]);
    await withFence(client, fence, () => storeRejects(client, task.id, [reject]));
    this.#skip.add(row);
    return true;
  }

  /** @throws {TaskError} reject_limit when these are too many together with those that are stored */
  async #checkLimit(rejects: Reject[]): Promise<void> {
    if (rejects.length === 0) return;
    const { options } = this.#work.task;
    const room = options.max_rejects - (await countRejects(this.#work.client, this.#work.task.id));
    if (rejects.length > room) throw rejectLimit(rejects[Math.max(0, room)]!, options) satisfies TaskError;
  }

  /** Inspect keeps the first thousand malformed rows of a part; the encoder refuses the others by itself. */
  #refusedReject({ row, offset, length, reason, found }: Batch['refused'][number], { bytes }: Batch): Reject {
    return {
      row,
      byteOffset: this.#checkpoint.byteOffset + offset,
      column: columnAtFault({ reason, found, column: null }, this.#headers),
      value: null,
      reason: describeMalformed({ reason, found }, this.#headers.length),
      raw: excerptOf(bytes, offset, offset + length),
    };
  }
}

/** In our words: those of PostgreSQL name tables of ours. */
function describeRefusal(error: unknown): string {
  const { code } = error as { code?: string };
  if (code === ROW_TOO_BIG) return 'the row is too big: PostgreSQL needs it to fit into a page of 8 kB';
  if (code?.startsWith('23')) return 'the row breaks a constraint of the table';
  if (code === 'P0001') return 'a trigger of the table refuses the row';
  return `PostgreSQL refuses the row (SQLSTATE ${code})`;
}
