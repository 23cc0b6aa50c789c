import type { Prepared } from '../activities/prepare.js';
import type { RunRef, WorkflowInput } from '../contract/messages.js';
import { workActivities } from './activities.js';
import { type Run, runControllable, type Status, shown } from './controllable.js';
import type { TaskEnd } from './ending.js';
import { hasFewStepsPatch } from './few-steps-patch.js';
import { unfenced } from './interruption.js';
import { runParts } from './run-parts.js';

/** Loads a stored CSV file into a table: inspect → prepare → load parts → publish, or rollback from anywhere. */
export async function upload(input: WorkflowInput): Promise<TaskEnd> {
  return runControllable(input, uploadSteps);
}

async function uploadSteps(run: Run, status: Status): Promise<TaskEnd | undefined> {
  const { taskId, epoch } = run;
  const ref = { taskId, epoch };
  const work = workActivities();
  const plan = hasFewStepsPatch() ? await begin(ref, status) : await beginInSteps(run, status);
  if ('completed' in plan) return shown(plan.completed, status);
  status.phase = 'loading';
  await runParts(plan, status, (partNo) => {
    const summary = `Load part ${partNo} of ${plan.parts}`;
    return work.loadPart.executeWithOptions({ summary }, [{ ...ref, partNo }]);
  });
  status.phase = 'publishing';
  unfenced(await work.publish.executeWithOptions({ summary: 'Build the primary key and publish the table' }, [ref]));
  return undefined;
}

/** A small file is loaded to its end in this one step. */
async function begin(ref: RunRef, status: Status) {
  status.phase = 'inspecting';
  const summary = 'Inspect and prepare; load and publish a file of one part';
  return unfenced(await workActivities().beginUpload.executeWithOptions({ summary }, [ref]));
}

async function beginInSteps({ phase, ...ref }: Run, status: Status): Promise<Prepared> {
  const work = workActivities();
  if (phase === null || phase === 'inspecting') {
    status.phase = 'inspecting';
    unfenced(await work.inspect.executeWithOptions({ summary: 'Inspect the file' }, [ref]));
  }
  status.phase = 'loading';
  return unfenced(await work.prepare.executeWithOptions({ summary: 'Prepare the staging table' }, [ref]));
}
