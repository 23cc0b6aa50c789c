import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Workspace } from '../testkit/workspace.js';
import { type Conversion, givenBy, type PollockParameters } from './pollock-convert.js';

/** The folder of the results in that of the workspace. */
export const SAVED = 'saved';

/** What happens to bad rows, as with the engine alone: they are repaired, or left out. */
const LENIENT = { malformed: 'repair', max_rejects: '100%' } as const;

/**
 * Uploads a polluted file to the service and exports the table again. A question is an answer: the task is terminated.
 * @throws {Error} where the service refuses the file, or the task fails
 */
export async function convertThroughService(
  { client, folder }: Workspace,
  file: string,
  parameters?: PollockParameters,
): Promise<Conversion> {
  const name = path.basename(file);
  const key = { user_id: 'pollock', task_name: name };
  const upload = { kind: 'upload', ...key } as const;
  await client.upload(key, file, { ...LENIENT, ...(parameters && { dialect: givenBy(parameters) }) });
  const loaded = await client.waitFor(upload, ['completed', 'paused']);
  if (loaded.state === 'paused') {
    await client.terminate(upload);
    const question = loaded.error?.detail ?? loaded.pause_reasons.join();
    return { csv: '', repairs: 0, rejects: loaded.rows.rejected, question };
  }
  await client.download(key);
  await client.waitFor({ kind: 'download', ...key }, ['completed']);
  const saved = path.join(folder, SAVED, name);
  await client.saveResult(key, saved);
  const csv = await readFile(saved, 'utf8');
  await client.delete({ kind: 'download', ...key });
  await client.delete(upload, { drop_table: true });
  const { dialect, repairs } = loaded.receipt ?? {};
  const rows = dialect?.header_rows === 0 ? csv.slice(csv.indexOf('\n') + 1) : csv;
  return { csv: rows, repairs: repairs?.count ?? 0, rejects: loaded.rows.rejected, question: null };
}
