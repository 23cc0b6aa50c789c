import type { RunRef } from '../contract/messages.js';
import { failpoint } from '../failpoint.js';
import type { StoreFile } from '../storage/store.js';
import { checkStaging } from '../tables/staging.js';
import { type Checkpoint, claimPart, type UploadPart } from '../tasks/checkpoints.js';
import { type Beat, type Dependencies, type Fenceable, performStep, SLOW_HEARTBEAT_MS } from './context.js';
import { LOAD_BUFFERS, PartLoader } from './part-loader.js';
import { checkPart, withText } from './source.js';
import { asPart, type PartAttempt, type Step } from './step.js';

/**
 * Loads one part from its checkpoint on. Each batch is one transaction inside the fence: COPY, rejects and
 * checkpoint commit together or not at all. A gentle load rests between its batches.
 */
export function loadPartActivity(dependencies: Dependencies) {
  return async (run: RunRef & { partNo: number }): Promise<Fenceable<Loaded>> =>
    performStep(
      dependencies,
      run,
      (signal, beat) => loadPart(dependencies, run, signal, beat),
      // Batches check the fence many times a second, so that few heartbeats are enough.
      { heartbeatMs: SLOW_HEARTBEAT_MS },
    );
}

/** The work of its activity. @param role of its sessions, where they are not named for the part */
export async function loadPart(
  dependencies: Dependencies,
  run: RunRef & { partNo: number },
  signal: AbortSignal,
  beat: Beat,
  role?: string,
): Promise<Loaded> {
  const stint = (attempt: PartAttempt, before: Stint | undefined) =>
    withText(dependencies.store, attempt.task, (file) =>
      loadStint({ ...dependencies, ...attempt, file, beat }, before?.part),
    );
  const { part } = await asPart({ ...dependencies, signal }, run, stint, role);
  return { rows: part.rows, bytes: part.byteTo - part.byteFrom };
}

/** Loads a part without a rate limit, in the session of a claimed step. */
export async function loadWithin(dependencies: Dependencies, step: Step, partNo: number, beat: Beat) {
  await withText(dependencies.store, step.task, (file) =>
    loadStint({ ...dependencies, ...step, partNo, file, beat }, undefined),
  );
}

interface Loaded {
  rows: number;
  bytes: number;
}

interface Loading extends Dependencies, Omit<PartAttempt, 'role'> {
  role?: string;
  file: StoreFile;
  beat: Beat;
}

type Part = Checkpoint & UploadPart;

/** The part as a stint has left it. */
interface Stint {
  part: Part;
  isLast: boolean;
}

/**
 * Loads in one stint. The first stint claims the part and verifies its bytes; later stints rely on that.
 */
async function loadStint(loading: Loading, claimed: Part | undefined): Promise<Stint> {
  const { file, signal, buffers } = loading;
  const part = claimed ?? (await claim(loading));
  if (part.done) return { part, isLast: true };
  const left = await buffers.use(LOAD_BUFFERS, async ([input, ...outs]) => {
    if (!claimed) await checkPart(file, part, input!, signal);
    return new PartLoader({ ...loading, part, input: input!, outs }).load();
  });
  if (left.done) await failpoint('load:after-part');
  return { part: left, isLast: left.done };
}

async function claim({ client, task, fence, partNo, role }: Loading): Promise<Part> {
  const part = await claimPart(client, fence, partNo, role);
  await failpoint('load:after-claim');
  if (!part.done) await checkStaging(client, task.staging_oid, task.lock_key, task.columns!);
  return part;
}
