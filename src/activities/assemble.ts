import { randomUUID } from 'node:crypto';
import type { TaskRef } from '../contract/messages.js';
import type { DownloadOptions } from '../contract/task.js';
import { formatRecord } from '../csv/format-record.js';
import { failpoint } from '../failpoint.js';
import { completeTask, enterPhase } from '../postgres/commands.js';
import { listDownloadParts } from '../postgres/export.js';
import { FencedError, sessionName, withFence } from '../postgres/fence.js';
import { withClient } from '../postgres/pool.js';
import { type Column, getTaskById } from '../postgres/tasks.js';
import { type Dependencies, type Fenceable, perform } from './context.js';
import { escapeRecord } from './formulas.js';
import { resultKey } from './result-keys.js';

/** Joins the dumped parts behind the header into one file, and completes the download with it. */
export function assembleActivity({ pool, store, log }: Dependencies) {
  return async ({ taskId, epoch }: TaskRef & { epoch: number }): Promise<Fenceable<{ bytes: number }>> =>
    perform(log, async (signal) => {
      const task = await getTaskById(pool, taskId);
      if (task.state === 'completed') return { bytes: task.result!.size };
      const fence = { taskId, lockKey: task.lock_key, epoch };
      const columns = task.columns!;
      return withClient(
        pool,
        async (client) => {
          await withFence(client, fence, () => enterPhase(client, taskId, 'assembling'));
          const parts = await listDownloadParts(client, taskId);
          const rows = parts.reduce((sum, part) => sum + part.rows, 0);
          const key = resultKey(taskId, randomUUID());
          const header = Buffer.from(headerOf(columns, task.options.formulas));
          const file = await store.concat(
            key,
            header,
            parts.map((part) => part.object!),
            { signal },
          );
          await failpoint('assemble:before-record');
          // Only a refusal removes the file: after a lost reply it may be the one that counts.
          await withFence(client, fence, () =>
            completeTask(client, taskId, {
              result: { key, ...file },
              tableName: task.options.table!,
              receipt: {
                rows_in_file: rows,
                rows_loaded: rows,
                rows_rejected: 0,
                bytes: file.size,
                sha256: file.sha256,
                columns,
                parts: parts.length,
                seconds: {},
                file,
                consistency: task.options.consistency,
                formulas: task.options.formulas,
              },
            }),
          ).catch(async (error: unknown) => {
            if (error instanceof FencedError) await store.remove(key);
            throw error;
          });
          await failpoint('assemble:after-record');
          return { bytes: file.size };
        },
        sessionName(task.lock_key, 'assemble'),
      );
    });
}

/** The header line. An empty name is an empty field, quoted where it would else be an empty line. */
function headerOf(columns: Column[], formulas: DownloadOptions['formulas']): string {
  const names = columns.map(({ original }) => original);
  if (formulas === 'escape') return escapeRecord(names);
  const fields = names.map((name) => (name === '' && names.length > 1 ? null : name));
  return `${formatRecord(fields, ',')}\n`;
}
