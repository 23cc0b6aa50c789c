import { randomUUID } from 'node:crypto';
import { allowedRejects } from '../contract/allowed-rejects.js';
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
import { countRejects, type Reject, rejectAfter, storeRejects } from '../tasks/rejects.js';
import { asUpload } from '../tasks/tasks.js';
import { addWarnings } from '../tasks/warnings.js';
import type { Dependencies } from './context.js';
import { columnAtFault, describeUnread, malformedRow, rejectLimit } from './malformed-rows.js';
import type { Step } from './step.js';

/**
 * Converts the file of an upload to one that the engine reads, in the folder of the task, and stores its rejects on the
 * way. An attempt after a kill starts again: what the one before has left goes with the folder.
 * @throws {TaskError} what the file cannot be read for; reject_limit, malformed_row
 */
export async function convertSource(
  { converter, store }: Dependencies,
  step: Step,
  { packing, plain, reading, headers, dialect }: Head,
): Promise<Pick<Conversion, 'converted' | 'parts'>> {
  const { client, fence, signal } = step;
  const { id, source, options } = asUpload(step.task);
  await withFence(client, fence, async () => {
    await removeParts(client, id);
    await startConversion(client, id);
  });
  await store.removeAll(resultPrefix(id));
  // A key of its own: an attempt that was given up for dead may still write.
  const into = `${resultPrefix(id)}${randomUUID()}`;
  const job = { source, into, packing, plain, reading, hints: hintsOf(options) };
  const answer = await converter.convert(
    job,
    (records) => storeUnread(step, records, headers, dialect.encoding),
    signal,
  );
  if (isFault(answer)) throw toError(answer);
  await failpoint('convert:after-files');
  const { converted, rows, parts } = answer;
  await withFence(client, fence, async () => {
    await storeConverted(client, id, converted);
    if (converted.repairs.count > 0) await addWarnings(client, id, [describeRepairs(converted)]);
  });
  if (rows !== null) await checkLimit(step, rows, headers);
  return { converted, parts };
}

async function storeUnread(step: Step, records: UnreadRecord[], headers: string[], encoding: string): Promise<void> {
  const { client, fence, task } = step;
  const rejects = records.map((record) => asReject(record, headers, encoding));
  if (asUpload(task).options.malformed === 'strict') throw malformedRow(rejects[0]!, headers);
  await withFence(client, fence, () => storeRejects(client, task.id, rejects));
  await checkLimit(step, null, headers);
}

async function checkLimit({ client, task }: Step, rows: number | null, headers: string[]): Promise<void> {
  const { options } = asUpload(task);
  const limit = allowedRejects(options.max_rejects, rows);
  if (limit === Number.POSITIVE_INFINITY || (await countRejects(client, task.id)) <= limit) return;
  throw rejectLimit((await rejectAfter(client, task.id, limit))!, options, headers);
}

function asReject(record: UnreadRecord, headers: string[], encoding: string): Reject {
  const { row, byteOffset, raw, reason: code } = record;
  const reason = describeUnread(record, headers.length, encoding);
  return { row, byteOffset, column: columnAtFault(record, headers), value: null, code, reason, raw };
}

function describeRepairs({ repairs: { count, rules, rows } }: Converted): string {
  const named = Object.entries(rules).map(([rule, times]) => `${rule} ${times}`);
  const listed = rows.length < count ? `the first ${rows.length} of them` : 'them';
  return `${count} rows were repaired (${named.join(', ')}). The receipt lists ${listed}.`;
}
