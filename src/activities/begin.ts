import type { RunRef } from '../contract/messages.js';
import type { Receipt } from '../contract/task.js';
import { getTaskById } from '../tasks/tasks.js';
import { assemble } from './assemble.js';
import { type Beat, type Dependencies, type Fenceable, performStep, SLOW_HEARTBEAT_MS } from './context.js';
import { dumpPart, dumpWithin } from './dump-part.js';
import { inspect } from './inspect.js';
import { loadPart, loadWithin } from './load-part.js';
import { planOnce } from './plan.js';
import { type Prepared, prepare } from './prepare.js';
import { publish } from './publish.js';
import { tidy } from './rollback.js';
import { type Attending, asStep, type Step } from './step.js';

/** The outcome of a begin activity: a small task is completed, a larger one is ready for the work on its parts. */
export type BeginOutcome = Prepared | { completed: Completed };

/** How a small task has ended, for the workflow. */
interface Completed {
  state: 'completed';
  rows: { loaded: number; rejected: number };
  isTidy: true;
}

/** The role of all sessions of an attempt, so that the next attempt can end a frozen one at any of its steps. */
const ROLE = 'begin';

/**
 * Begins an upload: inspects and prepares it. Then loads, publishes and tidies a file of a single part in this same
 * activity. The steps are those for which a large file has activities: each is fenced and continues from the state in
 * the database.
 */
export function beginUploadActivity(dependencies: Dependencies, window: number) {
  return begin(dependencies, {
    plan: (step, beat) => inspectAndPrepare(dependencies, step, beat, window),
    work: (step, partNo, beat) => loadWithin(dependencies, step, partNo, beat),
    workInStints: (run, signal, beat) => loadPart(dependencies, run, signal, beat, ROLE),
    complete: (step) => publish(dependencies.pool, step),
  });
}

/**
 * Begins a download: plans it. Then dumps, assembles and tidies a table of a single part in this same activity.
 */
export function beginDownloadActivity(dependencies: Dependencies, window: number) {
  return begin(dependencies, {
    plan: (step) => planOnce(dependencies, step, window),
    work: (step, partNo, beat) => dumpWithin(dependencies, step, partNo, beat, ROLE),
    workInStints: (run, signal, beat) => dumpPart(dependencies, run, signal, beat, ROLE),
    complete: (step) => assemble(dependencies.store, step),
  });
}

interface KindOfWork {
  plan(step: Step, beat: Beat): Promise<Prepared>;
  /** Loads or dumps a part in the present session. */
  work(step: Step, partNo: number, beat: Beat): Promise<void>;
  /** The same for a gentle task, which holds no session while it waits for its rate. */
  workInStints(run: RunRef & { partNo: number }, signal: AbortSignal, beat: Beat): Promise<object>;
  complete(step: Step): Promise<Receipt>;
}

function begin(dependencies: Dependencies, steps: KindOfWork) {
  return async (run: RunRef): Promise<Fenceable<BeginOutcome>> =>
    performStep<BeginOutcome>(
      dependencies,
      run,
      async (signal, beat) => {
        const attending = { ...dependencies, signal };
        // After a crash, the server has these commits up to some point, from which the next attempt continues. The
        // last one, of the completion, waits for the disk, and so for all before it.
        const isAsync = true;
        const { prepared, receipt } = await asStep(
          attending,
          run,
          ROLE,
          (step) => inOneSession(steps, step, beat),
          isAsync,
        );
        if (prepared.parts > 1) return prepared;
        const done = receipt ?? (await gently(steps, attending, run, prepared, beat));
        await tidy(dependencies, run.taskId);
        const rows = { loaded: done.rows_loaded, rejected: done.rows_rejected };
        return { completed: { state: 'completed', rows, isTidy: true } };
      },
      // `FenceWatch` notices a command sooner than a heartbeat.
      { heartbeatMs: SLOW_HEARTBEAT_MS },
    );
}

async function inOneSession(
  { plan, work, complete }: KindOfWork,
  step: Step,
  beat: Beat,
): Promise<{ prepared: Prepared; receipt?: Receipt }> {
  const prepared = await plan(step, beat);
  if (prepared.parts > 1 || step.task.options.max_bytes_per_second) return { prepared };
  // Not renewed after the parts: the completion itself reads what they change in the task row.
  const planned = await renewed(step);
  for (const partNo of prepared.pending) await work(planned, partNo, beat);
  return { prepared, receipt: await complete(planned) };
}

async function gently(
  { workInStints, complete }: KindOfWork,
  attending: Attending,
  run: RunRef,
  { pending }: Prepared,
  beat: Beat,
): Promise<Receipt> {
  for (const partNo of pending) await workInStints({ ...run, partNo }, attending.signal, beat);
  return asStep(attending, run, ROLE, complete);
}

/** The step with the task as the steps before have left it. */
async function renewed(step: Step): Promise<Step> {
  return { ...step, task: await getTaskById(step.client, step.task.id) };
}

async function inspectAndPrepare(
  dependencies: Dependencies,
  step: Step,
  beat: Beat,
  window: number,
): Promise<Prepared> {
  const { phase } = step.task;
  if (phase !== null && phase !== 'inspecting') return prepare(step, window);
  const { task } = await inspect(dependencies, step, beat);
  return prepare({ ...step, task }, window);
}
