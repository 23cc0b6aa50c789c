import type { WorkflowInput } from '../contract/messages.js';
import { workActivities } from './activities.js';
import type { Ending } from './ending.js';
import { unfenced } from './interruption.js';
import { type Run, runSteerable, type Status } from './steerable.js';
import { slidingWindow } from './window.js';

/** Loads a stored CSV file into a table: inspect → prepare → load parts → publish, or rollback from anywhere. */
export async function upload(input: WorkflowInput): Promise<Ending> {
  return runSteerable(input, uploadSteps);
}

async function uploadSteps({ taskId, epoch, phase }: Run, status: Status): Promise<void> {
  const ref = { taskId, epoch };
  const work = workActivities();
  if (phase === null || phase === 'inspecting') {
    status.phase = 'inspecting';
    unfenced(await work.inspect.executeWithOptions({ summary: 'Inspect the file' }, [ref]));
  }
  status.phase = 'loading';
  const plan = unfenced(await work.prepare.executeWithOptions({ summary: 'Prepare the staging table' }, [ref]));
  status.rows = { ...plan.rows };
  status.bytes = { ...plan.bytes };
  status.parts = { done: plan.parts - plan.pending.length, total: plan.parts, running: 0 };
  await slidingWindow(plan.pending, plan.window, async (partNo) => {
    status.parts.running++;
    const summary = `Load part ${partNo} of ${plan.parts}`;
    const part = unfenced(await work.loadPart.executeWithOptions({ summary }, [{ ...ref, partNo }]));
    status.parts.running--;
    status.parts.done++;
    status.rows.done += part.rows;
    status.bytes.done += part.bytes;
  });
  status.phase = 'publishing';
  unfenced(await work.publish.executeWithOptions({ summary: 'Build the primary key and publish the table' }, [ref]));
}
