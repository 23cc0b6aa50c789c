import { TaskError } from '../contract/errors.js';
import type { RunRef } from '../contract/messages.js';
import type { Converted } from '../contract/task.js';
import { checkColumns } from '../intake/check-head.js';
import { fileOptionsOf } from '../intake/file-options.js';
import { type Head, headOf } from '../intake/read-head.js';
import type { ScannedPart } from '../intake/scan-part.js';
import { withFence } from '../tasks/fence.js';
import { enterPhase } from '../tasks/task-state.js';
import { asUpload, storeDialect } from '../tasks/tasks.js';
import { type Beat, type Dependencies, type Fenceable, performStep, SLOW_HEARTBEAT_MS } from './context.js';
import { convertSource } from './convert-source.js';
import { type Inspected, inspectText, type TextToInspect } from './inspect-text.js';
import { withSource } from './source.js';
import { readSourceStyle } from './source-style.js';
import { asStep, type Step } from './step.js';

/**
 * Reads the head of a file, converts it where the engine cannot read it as it is, and finds its parts in one streaming
 * pass over the text.
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
      // Storing a part checks the fence, and inspect finds many parts a second.
      { heartbeatMs: SLOW_HEARTBEAT_MS },
    );
}

/** The step of the activity, for the attempt that has claimed it. */
export async function inspect(dependencies: Dependencies, step: Step, beat: Beat): Promise<Inspected> {
  const { client, fence } = step;
  const task = asUpload(step.task);
  const head = await withSource(dependencies.store, task.source, async (file) => {
    const { bytes, isWhole } = await headOf(file);
    return dependencies.converter.readHead(bytes, isWhole, fileOptionsOf(task.options));
  });
  await withFence(client, fence, async () => {
    await enterPhase(client, task.id, 'inspecting');
    // At once: who is asked about a bad row wants to see by which delimiter it was read.
    await storeDialect(client, task.id, head.dialect);
  });
  if (head.question !== null) throw unclearDialect(head.question);
  const work = { dependencies, step, beat, plan: checkColumns(head.headers, task.options.columns) };
  const conversion = mustConvert(head) && !task.converted ? await convertSource(dependencies, step, head) : null;
  const known = conversion ?? { converted: task.converted, parts: [] };
  const inspected = await inspectText(work, await textOf(dependencies, step, head, known));
  if (inspected !== 'unreadable') return inspected;
  // The engine cannot tell where the next record begins. Read one by one, only the record at fault is lost.
  const rewritten = await convertSource(dependencies, step, { ...head, plain: null });
  const again = await inspectText(work, await textOf(dependencies, step, head, rewritten));
  if (again === 'unreadable') throw new Error('a file that was written for the engine cannot be read by it');
  return again;
}

function mustConvert({ packing, plain }: Head): boolean {
  return packing !== null || plain === null;
}

async function textOf(
  { store }: Dependencies,
  { task }: Step,
  head: Head,
  { converted, parts }: { converted: Converted | null; parts: ScannedPart[] },
): Promise<TextToInspect> {
  const { source } = asUpload(task);
  const style = await withSource(store, converted?.raw ?? source, (file) =>
    readSourceStyle(file, head.bytes, head.dialect),
  );
  return { head, converted, parts, style, file: converted ?? source, ...(converted ?? head.plain!) };
}

function unclearDialect(question: string): TaskError {
  const detail = `${question} Resume the task with "dialect", or terminate it.`;
  return new TaskError('unclear_dialect', detail);
}
