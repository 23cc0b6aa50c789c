import type { RunRef } from '../contract/messages.js';
import type { Receipt } from '../contract/task.js';
import { getTaskById } from '../tasks/tasks.js';
import { assemble } from './assemble.js';
import { type Beat, type Dependencies, type Fenceable, performStep, SLOW_HEARTBEAT_MS } from './context.js';
import { dumpPart } from './dump-part.js';
import { inspect } from './inspect.js';
import { loadPart } from './load-part.js';
import { planOnce } from './plan.js';
import { type Prepared, prepare } from './prepare.js';
import { publish } from './publish.js';
import { tidy } from './rollback.js';
import { asStep, type Step } from './step.js';

/** How far one activity has brought a task: to its end, or, a large one, to the plan of its parts. */
export type Begun = Prepared | { completed: Completed };

/** How a small task has ended, for the workflow. */
interface Completed {
  state: 'completed';
  rows: { loaded: number; rejected: number };
  isTidy: true;
}

/** Of all sessions of an attempt, so that the next attempt ends those of one that is frozen wherever that stands. */
const ROLE = 'begin';

/**
 * Begins an upload: inspects and prepares it. One whose file is a single part is then loaded, published and tidied up in this same
 * activity, by the steps that a large one has activities for: each is fenced, and goes on where the database says it stands.
 */
export function beginUploadActivity(dependencies: Dependencies, window: number) {
  return begin(dependencies, {
    plan: (step, beat) => inspectAndPrepare(dependencies, step, beat, window),
    work: (run, signal, beat) => loadPart(dependencies, run, signal, beat, ROLE),
    complete: (step) => publish(dependencies.pool, step),
  });
}

/** Begins a download: plans it. A table of a single part is then dumped and assembled in this same activity, likewise. */
export function beginDownloadActivity(dependencies: Dependencies, window: number) {
  return begin(dependencies, {
    plan: (step) => planOnce(dependencies, step, window),
    work: (run, signal, beat) => dumpPart(dependencies, run, signal, beat, ROLE),
    complete: (step) => assemble(dependencies.store, step),
  });
}

interface Steps {
  plan(step: Step, beat: Beat): Promise<Prepared>;
  work(run: RunRef & { partNo: number }, signal: AbortSignal, beat: Beat): Promise<object>;
  complete(step: Step): Promise<Receipt>;
}

function begin(dependencies: Dependencies, { plan, work, complete }: Steps) {
  return async (run: RunRef): Promise<Fenceable<Begun>> =>
    performStep<Begun>(
      dependencies,
      run,
      async (signal, beat) => {
        const attending = { ...dependencies, signal };
        const prepared = await asStep(attending, run, ROLE, (step) => plan(step, beat));
        if (prepared.parts > 1) return prepared;
        for (const partNo of prepared.pending) await work({ ...run, partNo }, signal, beat);
        const receipt = await asStep(attending, run, ROLE, complete);
        await tidy(dependencies, run.taskId);
        const rows = { loaded: receipt.rows_loaded, rejected: receipt.rows_rejected };
        return { completed: { state: 'completed', rows, isTidy: true } };
      },
      // The watch over all fences brings the news.
      { heartbeatMs: SLOW_HEARTBEAT_MS },
    );
}

async function inspectAndPrepare(
  dependencies: Dependencies,
  step: Step,
  beat: Beat,
  window: number,
): Promise<Prepared> {
  const { client, task } = step;
  if (task.phase !== null && task.phase !== 'inspecting') return prepare(step, window);
  await inspect(dependencies, step, beat);
  return prepare({ ...step, task: await getTaskById(client, task.id) }, window);
}
