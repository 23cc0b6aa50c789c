import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { describe, expect, it } from 'vitest';
import { inProject } from '../../launcher/paths.js';
import type { TaskKey } from '../../src/client/client.js';
import { salesCsv, useOwnService } from './service.js';

Runtime.install({ logger: new DefaultLogger('WARN') });
const service = useOwnService();
const FOLDER = path.resolve(import.meta.dirname, '../workflows/histories');

/** Replays the history of a task as it is now, and stores it when asked to. */
async function replays(key: TaskKey, name: string): Promise<void> {
  const id = `${key.kind}/${key.user_id}/${key.task_name}`;
  const history = await service.temporal.workflow.getHandle(id).fetchHistory();
  await Worker.runReplayHistory({ workflowBundle: { codePath: inProject('dist', 'workflow-bundle.js') } }, history, id);
  if (process.env.RECORD_HISTORIES)
    writeFileSync(path.join(FOLDER, `${key.kind}-${name}.json`), `${anonymous(historyToJSON(history))}\n`);
}

/** Resolves when the workflow has said its last word, which comes a moment after the task's own end. */
async function closed(key: TaskKey): Promise<void> {
  const handle = service.temporal.workflow.getHandle(`${key.kind}/${key.user_id}/${key.task_name}`);
  await service.until(async () => (await handle.describe()).status.name !== 'RUNNING');
}

/** Without what only tells where it was recorded. */
function anonymous(json: string): string {
  const places = new Set(['identity', 'stackTrace', 'binaryChecksum', 'buildId']);
  const plain = (value: unknown) => (typeof value === 'string' ? value.replace(/\d+@[\w.-]+/, 'worker') : value);
  return JSON.stringify(JSON.parse(json, (name, value) => (places.has(name) ? '' : plain(value))));
}

const gentle = { max_bytes_per_second: 500_000 };

async function loading(): Promise<TaskKey> {
  const key = await service.upload(salesCsv(40_000), gentle);
  await service.reaches(key, (task) => task.rows.done > 0);
  return key;
}

describe('the history of an upload that was', () => {
  it('completed replays', async () => {
    const task = await service.uploaded(salesCsv(1_000));
    const key: TaskKey = { kind: 'upload', user_id: 'ana', task_name: task.task_name };
    await service.until(async () => (await service.leftovers()).length === 0);
    await replays(key, 'completed');
  });

  it('completed in several parts replays', async () => {
    const task = await service.uploaded(salesCsv(600_000));
    expect(task.receipt!.parts).toBeGreaterThan(1);
    const key: TaskKey = { kind: 'upload', user_id: 'ana', task_name: task.task_name };
    await service.until(async () => (await service.leftovers()).length === 0);
    await replays(key, 'completed-in-parts');
  });

  it('paused, and resumed, replays', async () => {
    const key = await loading();
    await service.signal(key, 'pause', { reason: 'by hand' });
    await service.client.waitFor(key, ['paused']);
    await replays(key, 'paused');
    await service.client.command('resume', key);
    await service.client.waitFor(key, ['completed']);
    await service.until(async () => (await service.leftovers()).length === 0);
    await replays(key, 'paused-and-resumed');
  });

  it('terminated replays', async () => {
    const key = await loading();
    await service.client.command('terminate', key);
    await service.client.waitFor(key, ['terminated']);
    await closed(key);
    await replays(key, 'terminated');
  });

  it('cancelled replays', async () => {
    const key = await loading();
    await service.temporal.workflow.getHandle(`upload/ana/${key.task_name}`).cancel();
    await service.client.waitFor(key, ['terminated']);
    await closed(key);
    await replays(key, 'cancelled');
  });

  it('failed replays', async () => {
    const key = await service.upload('a,b\n1,2\n"3,4\n');
    await service.client.waitFor(key, ['failed']);
    await closed(key);
    await replays(key, 'failed');
  });
});

describe('the history of a download that was', () => {
  async function dumping(): Promise<TaskKey> {
    const task = await service.uploaded(salesCsv(40_000));
    const key: TaskKey = { kind: 'download', user_id: 'ana', task_name: task.task_name };
    await service.client.download(key, { ...gentle });
    await service.reaches(key, (now) => now.phase === 'dumping');
    return key;
  }

  it('paused, resumed and completed replays', async () => {
    const key = await dumping();
    await service.client.command('pause', key);
    await service.client.waitFor(key, ['paused']);
    await service.client.command('resume', key);
    await service.client.waitFor(key, ['completed']);
    await service.until(async () => (await service.leftovers()).length === 0);
    await replays(key, 'paused-and-resumed');
  });

  it('terminated replays', async () => {
    const key = await dumping();
    await service.client.command('terminate', key);
    await service.client.waitFor(key, ['terminated']);
    await closed(key);
    await replays(key, 'terminated');
  });

  it('completed replays', async () => {
    const task = await service.uploaded(salesCsv(1_000));
    const key: TaskKey = { kind: 'download', user_id: 'ana', task_name: task.task_name };
    await service.client.download(key);
    await service.client.waitFor(key, ['completed']);
    await service.until(async () => (await service.leftovers()).length === 0);
    await replays(key, 'completed');
  });
});
