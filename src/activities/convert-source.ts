import { randomUUID } from 'node:crypto';
import { isFault, toError } from '../contract/fault.js';
import type { Converted } from '../contract/task.js';
import { failpoint } from '../failpoint.js';
import type { Conversion } from '../intake/convert-stored.js';
import { hintsOf } from '../intake/file-options.js';
import type { Head } from '../intake/read-head.js';
import type { UnreadRecord } from '../intake/rewriter.js';
import { resultPrefix } from '../storage/keys.js';
import { removeParts } from '../tasks/checkpoints.js';
import { startConversion, storeConverted } from '../tasks/conversion.js';
import { withFence } from '../tasks/fence.js';
import { storeRejects } from '../tasks/rejects.js';
import { asUpload } from '../tasks/tasks.js';
import { addWarnings } from '../tasks/warnings.js';
import type { Dependencies } from './context.js';
import { malformedRejects } from './malformed-rejects.js';
import { checkStoredRejects } from './reject-limit.js';
import type { Step } from './step.js';

/**
 * Converts the file of an upload to one that the engine reads, in the folder of the task, and stores its rejects on the
 * way. An attempt after a kill starts again: what the one before has left goes with the folder.
 * @throws {TaskError} what the file cannot be read for; reject_limit, malformed_row
 */
export async function convertSource(
  { converter, store }: Dependencies,
  step: Step,
  head: Head,
): Promise<Pick<Conversion, 'converted' | 'parts'>> {
  const { client, fence, signal } = step;
  const { packing, plain, reading } = head;
  const { id, source, options } = asUpload(step.task);
  await withFence(client, fence, async () => {
    await removeParts(client, id);
    await startConversion(client, id);
  });
  await store.removeAll(resultPrefix(id));
  // A key of its own: an attempt that was given up for dead may still write.
  const into = `${resultPrefix(id)}${randomUUID()}`;
  const job = { source, into, packing, plain, reading, hints: hintsOf(options) };
  const answer = await converter.convert(job, (records) => storeUnread(step, records, head), signal);
  if (isFault(answer)) throw toError(answer);
  await failpoint('convert:after-files');
  const { converted, rows, parts } = answer;
  await withFence(client, fence, async () => {
    await storeConverted(client, id, converted);
    if (converted.repairs.count > 0) await addWarnings(client, id, [describeRepairs(converted)]);
  });
  if (rows !== null) await checkLimit(step, rows, head);
  return { converted, parts };
}

async function storeUnread(step: Step, records: UnreadRecord[], head: Head): Promise<void> {
  const { client, fence, task } = step;
  const rejects = malformedRejects(records, head, asUpload(task).options);
  await withFence(client, fence, () => storeRejects(client, task.id, rejects));
  await checkLimit(step, null, head);
}

async function checkLimit({ client, task }: Step, rows: number | null, { headers }: Head): Promise<void> {
  await checkStoredRejects(client, { taskId: task.id, options: asUpload(task).options, rows, headers });
}

function describeRepairs({ repairs: { count, rules, rows } }: Converted): string {
  const named = Object.entries(rules).map(([rule, times]) => `${rule} ${times}`);
  const listed = rows.length < count ? `the first ${rows.length} of them` : 'them';
  return `${count} rows were repaired (${named.join(', ')}). The receipt lists ${listed}.`;
}
