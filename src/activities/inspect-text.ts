import { isFault, toError } from '../contract/fault.js';
import type { Converted, Source, TaskFault } from '../contract/task.js';
import { type ColumnEvidence, emptyEvidence, mergeEvidence } from '../csv/evidence.js';
import type { Malformed } from '../csv/malformed.js';
import { failpoint } from '../failpoint.js';
import { chooseColumns } from '../intake/choose-columns.js';
import { hintsOf } from '../intake/file-options.js';
import { findParts } from '../intake/find-parts.js';
import type { ColumnPlan } from '../intake/plan-columns.js';
import type { Head, PlainText } from '../intake/read-head.js';
import type { UnreadRecord } from '../intake/rewriter.js';
import type { ScannedPart } from '../intake/scan-part.js';
import type { StoreFile } from '../storage/store.js';
import { listParts, storePart } from '../tasks/checkpoints.js';
import { withFence } from '../tasks/fence.js';
import { type Reject, storeRejects } from '../tasks/rejects.js';
import { asUpload, type SourceStyle, storeInspection, type TaskRow, type UploadRow } from '../tasks/tasks.js';
import { addWarnings } from '../tasks/warnings.js';
import type { Beat, Dependencies } from './context.js';
import { malformedRejects } from './malformed-rejects.js';
import { checkFoundRejects } from './reject-limit.js';
import { withSource } from './source.js';
import type { Step } from './step.js';

/** How many parts and rows there are, and the task as it is then. */
export interface Inspected {
  parts: number;
  rows: number;
  task: TaskRow;
}

/** What is inspected: the uploaded file, or what it was converted to. */
export interface TextToInspect extends PlainText {
  file: Pick<Source, 'key' | 'size'>;
  head: Head;
  converted: Converted | null;
  /** Parts that were found while it was written, from its beginning. */
  parts: ScannedPart[];
  style: SourceStyle;
}

interface InspectWork {
  dependencies: Dependencies;
  step: Step;
  beat: Beat;
  plan: ColumnPlan;
}

/**
 * One streaming pass over a text: record boundaries, row count, evidence for each column's type, malformed rows, and
 * the parts. Parts are stored as they are found, so that an interrupted pass continues after the last one, or after
 * those found during the upload.
 * @returns `unreadable` where a record makes the rest unreadable, but the task allows bad records
 */
export function inspectText(work: InspectWork, text: TextToInspect): Promise<Inspected | 'unreadable'> {
  return withSource(work.dependencies.store, text.file, (file) => new Inspection(work, text, file).run());
}

/** One pass. Used once. */
class Inspection {
  readonly #work: InspectWork;
  readonly #text: TextToInspect;
  readonly #file: StoreFile;
  readonly #task: UploadRow;
  readonly #evidence: ColumnEvidence[];
  #parts = 0;
  #rows = 0;
  #rejected = 0;

  constructor(work: InspectWork, text: TextToInspect, file: StoreFile) {
    this.#work = work;
    this.#text = text;
    this.#file = file;
    this.#task = asUpload(work.step.task);
    this.#evidence = work.plan.columns.map(emptyEvidence);
  }

  async run(): Promise<Inspected | 'unreadable'> {
    const { client, signal } = this.#work.step;
    const { dialect, dataOffset, file } = this.#text;
    let from = await this.#takeUp(await listParts(client, this.#task.id));
    let inspected: TaskRow | undefined;
    if (from === undefined) for (const part of this.#text.parts) inspected = await this.#add(part);
    from ??= this.#text.parts.at(-1)?.byteTo ?? dataOffset;
    const hints = hintsOf(this.#task.options);
    const source = { ...file, size: this.#file.size, dialect, hints, columns: this.#evidence.length, dataOffset };
    const { scanner } = this.#work.dependencies;
    for await (const part of findParts(scanner, source, { from, firstRow: this.#rows + 1 }, signal)) {
      if (isFault(part)) return this.#endedBy(part);
      inspected = await this.#add(part);
    }
    await this.#checkRejectLimit(this.#rows);
    const task = inspected ?? (await withFence(client, this.#work.step.fence, () => this.#store()));
    return { parts: this.#parts, rows: this.#rows, task };
  }

  /** Continues after the parts that are stored. Returns where they end. */
  async #takeUp(parts: Awaited<ReturnType<typeof listParts>>): Promise<number | undefined> {
    for (const part of parts) merge(this.#evidence, part.evidence as ColumnEvidence[]);
    this.#parts = parts.length;
    this.#rows = parts.reduce((sum, part) => sum + part.rows, 0);
    const { rows_rejected: stored } = (await this.#current()) ?? this.#task;
    this.#rejected = stored;
    await this.#checkRejectLimit(null);
    return parts.at(-1)?.byteTo;
  }

  /** A conversion has stored rejects since the step was claimed. */
  async #current(): Promise<Pick<UploadRow, 'rows_rejected'> | undefined> {
    if (!this.#isRewritten) return undefined;
    const sql = 'SELECT rows_rejected FROM long_task.tasks WHERE id = $1';
    return (await this.#work.step.client.query(sql, [this.#task.id])).rows[0];
  }

  /** The limit of rejects is a share of the rows, which are not counted yet. */
  get #isShare(): boolean {
    return typeof this.#task.options.max_rejects === 'string';
  }

  /** Its malformed records are those that the conversion has left in their places, and rejects already. */
  get #isRewritten(): boolean {
    return this.#text.converted?.reading != null;
  }

  /** @throws {TaskError} what makes the text unreadable */
  #endedBy(fault: TaskFault): 'unreadable' {
    const { max_rejects, malformed } = this.#task.options;
    const isOneRecord = fault.code === 'unclosed_quote' || fault.code === 'invalid_utf8';
    const allowsBad = max_rejects !== 0 && malformed !== 'strict';
    if (isOneRecord && allowsBad && !this.#isRewritten) return 'unreadable';
    throw toError(fault);
  }

  async #add(part: ScannedPart): Promise<TaskRow | undefined> {
    const { step, beat } = this.#work;
    const { client, fence } = step;
    const rejects = this.#isRewritten ? [] : await this.#rejectsOf(part.malformed);
    this.#parts++;
    await failpoint('inspect:before-store-part');
    merge(this.#evidence, part.evidence);
    this.#rows += part.rows;
    this.#rejected += this.#isRewritten ? 0 : part.malformedCount;
    // What was found of the whole is stored with the last part, unless that may still meet the limit of rejects.
    const isSure = this.#isRewritten || part.malformedCount === 0;
    const isLast = part.byteTo === this.#file.size && isSure && !this.#isShare;
    const inspected = await withFence(client, fence, async () => {
      await storePart(client, this.#task.id, { ...part, partNo: this.#parts }, part.evidence);
      await storeRejects(client, this.#task.id, rejects);
      return isLast ? this.#store() : undefined;
    });
    await failpoint('inspect:after-store-part');
    Object.assign(beat, { part: this.#parts, rows: this.#rows, bytes: part.byteTo });
    if (rejects.length > 0) await this.#checkRejectLimit(null);
    return inspected;
  }

  /** Apart from its last record a part has few bytes, and so do its rejects. */
  async #rejectsOf(malformed: Malformed[]): Promise<Reject[]> {
    const records: UnreadRecord[] = [];
    for (const bad of malformed) records.push({ ...bad, raw: await readRaw(this.#file, bad) });
    return malformedRejects(records, this.#text.head, this.#task.options);
  }

  /**
   * Checks the limit against what was found so far.
   * @param rows of the file, where they are counted
   * @throws {TaskError} reject_limit
   */
  async #checkRejectLimit(rows: number | null): Promise<void> {
    const { id: taskId, options } = this.#task;
    const limit = { taskId, options, rows, headers: this.#text.head.headers };
    await checkFoundRejects(this.#work.step.client, limit, this.#rejected);
  }

  /** Stores what was found of the whole. Called inside the fence. */
  async #store(): Promise<TaskRow> {
    const { client } = this.#work.step;
    const { head, style, dataOffset } = this.#text;
    const columns = chooseColumns(head.headers, this.#work.plan.columns, this.#evidence, this.#task.options);
    await addWarnings(client, this.#task.id, head.dialect.warnings);
    return storeInspection(client, this.#task.id, {
      style,
      columns,
      dataOffset,
      rows: this.#rows,
    });
  }
}

async function readRaw(file: Pick<StoreFile, 'read'>, { byteOffset, length }: Malformed): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  return buffer.subarray(0, await file.read(buffer, byteOffset));
}

function merge(into: ColumnEvidence[], more: ColumnEvidence[]): void {
  for (const [i, evidence] of more.entries()) into[i] = mergeEvidence(into[i]!, evidence);
}
