import type { WorkflowInput } from '../contract/messages.js';
import { workActivities } from './activities.js';
import { type Run, runControllable, type Status, shown } from './controllable.js';
import type { TaskEnd } from './ending.js';
import { takesFewSteps } from './few-steps.js';
import { unfenced } from './interruption.js';
import { slidingWindow } from './window.js';

/** Exports a table to a CSV file: plan → dump parts → assemble, or rollback from anywhere. */
export async function download(input: WorkflowInput): Promise<TaskEnd> {
  return runControllable(input, downloadSteps);
}

async function downloadSteps({ taskId, epoch }: Run, status: Status): Promise<TaskEnd | undefined> {
  const ref = { taskId, epoch };
  const work = workActivities();
  status.phase = 'planning';
  const plan = takesFewSteps()
    ? unfenced(
        await work.beginDownload.executeWithOptions({ summary: 'Plan; dump and assemble what is one part' }, [ref]),
      )
    : unfenced(await work.plan.executeWithOptions({ summary: 'Plan the export' }, [ref]));
  if ('completed' in plan) return shown(plan.completed, status);
  status.phase = 'dumping';
  status.parts = { done: plan.parts - plan.pending.length, total: plan.parts, running: 0 };
  status.rows = { ...plan.rows };
  status.bytes = { ...plan.bytes };
  await slidingWindow(plan.pending, plan.window, async (partNo) => {
    status.parts.running++;
    const summary = `Dump part ${partNo} of ${plan.parts}`;
    const part = unfenced(await work.dumpPart.executeWithOptions({ summary }, [{ ...ref, partNo }]));
    status.parts.running--;
    status.parts.done++;
    status.rows.done += part.rows;
    status.bytes.done += part.bytes;
  });
  status.phase = 'assembling';
  unfenced(await work.assemble.executeWithOptions({ summary: 'Assemble the file' }, [ref]));
  return undefined;
}
