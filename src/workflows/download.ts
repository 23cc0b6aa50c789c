import type { WorkflowInput } from '../contract/messages.js';
import { workActivities } from './activities.js';
import { type Run, runControllable, type Status, shown } from './controllable.js';
import type { TaskEnd } from './ending.js';
import { hasFewStepsPatch } from './few-steps-patch.js';
import { unfenced } from './interruption.js';
import { runParts } from './run-parts.js';

/** Exports a table to a CSV file: plan → dump parts → assemble, or rollback from anywhere. */
export async function download(input: WorkflowInput): Promise<TaskEnd> {
  return runControllable(input, downloadSteps);
}

async function downloadSteps({ taskId, epoch }: Run, status: Status): Promise<TaskEnd | undefined> {
  const ref = { taskId, epoch };
  const work = workActivities();
  status.phase = 'planning';
  const plan = hasFewStepsPatch()
    ? unfenced(
        await work.beginDownload.executeWithOptions({ summary: 'Plan; dump and assemble what is one part' }, [ref]),
      )
    : unfenced(await work.plan.executeWithOptions({ summary: 'Plan the export' }, [ref]));
  if ('completed' in plan) return shown(plan.completed, status);
  status.phase = 'dumping';
  await runParts(plan, status, (partNo) => {
    const summary = `Dump part ${partNo} of ${plan.parts}`;
    return work.dumpPart.executeWithOptions({ summary }, [{ ...ref, partNo }]);
  });
  status.phase = 'assembling';
  unfenced(await work.assemble.executeWithOptions({ summary: 'Assemble the file' }, [ref]));
  return undefined;
}
