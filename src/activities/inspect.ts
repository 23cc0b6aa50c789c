import type pg from 'pg';
import { TaskError } from '../contract/errors.js';
import { toError } from '../contract/fault.js';
import type { RunRef } from '../contract/messages.js';
import type { UploadOptions } from '../contract/task.js';
import {
  type ColumnEvidence,
  describeEvidence,
  emptyEvidence,
  type FoundType,
  findType,
  mergeEvidence,
} from '../csv/evidence.js';
import { columnNames } from '../csv/header.js';
import type { Malformed } from '../csv/malformed.js';
import { type FormHints, typeOfForm } from '../csv/value-form.js';
import { failpoint } from '../failpoint.js';
import { hintsOf } from '../intake/file-options.js';
import { findParts } from '../intake/find-parts.js';
import { headOf, readHead } from '../intake/read-head.js';
import { isFault, type Scanner } from '../intake/scan-part.js';
import type { StoreFile } from '../storage/store.js';
import { listParts, storePart } from '../tasks/checkpoints.js';
import { withFence } from '../tasks/fence.js';
import { type Reject, rejectAfter, storeRejects } from '../tasks/rejects.js';
import { enterPhase } from '../tasks/task-state.js';
import { asUpload, type Column, storeInspection, type TaskRow, type UploadRow } from '../tasks/tasks.js';
import { type Beat, type Dependencies, type Fenceable, performStep, SLOW_HEARTBEAT_MS } from './context.js';
import { asReject, rejectLimit } from './malformed-rows.js';
import { withSource } from './source.js';
import { readSourceStyle } from './source-style.js';
import { asStep, type Step } from './step.js';

/**
 * One streaming pass over the whole file: dialect, record boundaries, row count, evidence for each column's type,
 * malformed rows, and the parts. Parts are stored as they are found, so that an interrupted inspect continues after the
 * last one, or after those found during the upload.
 */
export function inspectActivity(dependencies: Dependencies) {
  return async (run: RunRef): Promise<Fenceable<{ parts: number; rows: number }>> =>
    performStep(
      dependencies,
      run,
      async (signal, beat) => {
        const work = (step: Step) => inspect(dependencies, step, beat);
        const { parts, rows } = await asStep({ ...dependencies, signal }, run, 'inspect', work);
        return { parts, rows };
      },
      // Storing a part meets the fence, and parts are found many times a second.
      { heartbeatMs: SLOW_HEARTBEAT_MS },
    );
}

/** The step of the activity, for the attempt that has claimed it. */
export function inspect({ store, scanner }: Dependencies, step: Step, beat: Beat) {
  return withSource(store, step.task.source!, (file) => inspectFile({ ...step, file, scanner, beat }));
}

/** How many parts and rows there are, and the task as it is then. */
interface Inspected {
  parts: number;
  rows: number;
  task: TaskRow;
}

interface InspectStep extends Step {
  file: StoreFile;
  scanner: Scanner;
  beat: Beat;
}

async function inspectFile(step: InspectStep): Promise<Inspected> {
  const { client, fence, file, signal, scanner, beat } = step;
  const task = asUpload(step.task);
  await withFence(client, fence, () => enterPhase(client, task.id, 'inspecting'));
  const head = await headOf(file);
  const { dialect, headers, dataOffset } = readHead(head.bytes, head.isWhole, task.options.dialect);
  const found = await listParts(client, task.id);
  const evidence = headers.map(emptyEvidence);
  for (const part of found) merge(evidence, part.evidence as ColumnEvidence[]);
  const from = found.at(-1)?.byteTo ?? dataOffset;
  let rows = found.reduce((sum, part) => sum + part.rows, 0);
  // Those that an earlier attempt has stored.
  let rejected = task.rows_rejected;
  await checkRejectLimit(client, task, rejected, headers);
  const hints = hintsOf(task.options);
  const source = { key: task.source.key, size: file.size, dialect, hints, columns: headers.length, dataOffset };
  let partNo = found.length;
  const style = await readSourceStyle(file, head.bytes, dialect);
  const store = async () => {
    const columns = chooseColumns(headers, evidence, task.options);
    return storeInspection(client, task.id, { dialect, style, columns, dataOffset, rows });
  };
  let inspected: TaskRow | undefined;
  for await (const part of findParts(scanner, source, { from, firstRow: rows + 1 }, signal)) {
    if (isFault(part)) throw toError(part);
    partNo++;
    const rejects: Reject[] = [];
    // Apart from its last record a part has few bytes, and so do its rejects.
    for (const bad of part.malformed) rejects.push(asReject(bad, headers, await readRaw(file, bad)));
    await failpoint('inspect:before-store-part');
    merge(evidence, part.evidence);
    rows += part.rows;
    // What was found of the whole is stored with the last part, unless that may still meet the limit of rejects.
    const isLast = part.byteTo === file.size && part.malformedCount === 0;
    inspected = await withFence(client, fence, async () => {
      await storePart(client, task.id, { ...part, partNo }, part.evidence);
      await storeRejects(client, task.id, rejects);
      return isLast ? store() : undefined;
    });
    await failpoint('inspect:after-store-part');
    Object.assign(beat, { part: partNo, rows, bytes: part.byteTo });
    rejected += part.malformedCount;
    if (part.malformedCount > 0) await checkRejectLimit(client, task, rejected, headers);
  }
  return { parts: partNo, rows, task: inspected ?? (await withFence(client, fence, store)) };
}

async function readRaw(file: StoreFile, { byteOffset, length }: Malformed): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  return buffer.subarray(0, await file.read(buffer, byteOffset));
}

function merge(into: ColumnEvidence[], more: ColumnEvidence[]): void {
  for (const [i, evidence] of more.entries()) into[i] = mergeEvidence(into[i]!, evidence);
}

/**
 * Of a part with more than a thousand malformed rows not all are written down here: then it is the load that meets the
 * limit.
 * @throws {TaskError} reject_limit, naming the first row over the limit
 */
async function checkRejectLimit(
  client: pg.ClientBase,
  task: UploadRow,
  rejected: number,
  headers: string[],
): Promise<void> {
  const limit = task.options.max_rejects;
  if (rejected <= limit) return;
  const worst = await rejectAfter(client, task.id, limit);
  if (worst) throw rejectLimit(worst, task.options, headers);
}

/** @throws {TaskError} invalid_request when a type is given for a column that does not exist */
function chooseColumns(headers: string[], evidence: ColumnEvidence[], options: UploadOptions): Column[] {
  const names = columnNames(headers);
  const missing = Object.keys(options.columns ?? {}).find((name) => !headers.includes(name));
  if (missing !== undefined) {
    const detail = `columns names "${missing}", which is not in the header of the file. Its columns are: ${headers.join(', ').slice(0, 300)}.`;
    throw new TaskError('invalid_request', detail, { column: missing });
  }
  const hints = hintsOf(options);
  return headers.map((original, i) => {
    const found = findType(evidence[i]!, hints);
    const asked = options.columns && Object.hasOwn(options.columns, original) ? options.columns[original] : undefined;
    const form = asked === undefined || isAsked(asked, found, hints) ? found.form : undefined;
    return {
      original,
      name: names[i]!,
      type: asked ?? found.type,
      ...(form !== undefined && { form }),
      evidence: asked ? 'given by the caller' : describeEvidence(evidence[i]!, hints),
    };
  });
}

/** Whether the form that was found is one that the given type reads, so that an export can write it again. */
function isAsked(type: string, { form }: FoundType, { dateOrder, decimalComma }: FormHints): boolean {
  if (form === undefined || typeOfForm(form) !== type) return false;
  return type === 'numeric' ? decimalComma === true : dateOrder !== undefined || !/^(?:FM)?(?:DD|MM)/.test(form);
}
