import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowExecutionDescription } from '@temporalio/client';
import { describe, expect, inject, it } from 'vitest';
import type { TaskKey } from '../../src/client/client.js';
import { STATE_ATTRIBUTE } from '../../src/contract/search-attributes.js';
import type { State } from '../../src/contract/states.js';
import { salesCsv, useService } from './service.js';

const service = useService();

const idOf = (key: TaskKey) => `${key.kind}/${key.user_id}/${key.task_name}`;
const handleOf = (key: TaskKey) => service.temporal.workflow.getHandle(idOf(key));

async function loading(rate = 200_000): Promise<TaskKey> {
  const key = await service.upload(salesCsv(60_000), { max_bytes_per_second: rate });
  await service.reaches(key, (task) => task.rows.done > 0);
  return key;
}

async function ended(key: TaskKey, state: State): Promise<void> {
  await service.client.waitFor(key, [state]);
  await service.until(async () => (await handleOf(key).describe()).status.name !== 'RUNNING');
}

/** What the newest run of a task's workflow shows of it. */
async function shown(key: TaskKey): Promise<[state: unknown, status: string]> {
  const { typedSearchAttributes, status } = await handleOf(key).describe();
  return [typedSearchAttributes.get(STATE_ATTRIBUTE), status.name];
}

/** Whether the tasks in this state are found by a list filter, which lags a little. */
async function isListed(key: TaskKey, state: State): Promise<void> {
  const query = `LongTaskState="${state}" AND LongTaskName="${key.task_name}"`;
  await service.until(async () => (await service.temporal.workflow.count(query)).count === 1, 5_000);
}

async function detailsOf(key: TaskKey): Promise<string> {
  const { currentDetails } = await handleOf(key).query<{ currentDetails: string }>('__temporal_workflow_metadata');
  return currentDetails;
}

async function failureOf(key: TaskKey): Promise<unknown> {
  return handleOf(key)
    .result()
    .catch((error: Error) => error.cause);
}

function temporal(...args: string[]): string {
  return execFileSync(inject('temporalCli'), [...args, '--address', inject('temporalAddress')], { encoding: 'utf8' });
}

describe('Temporal shows of a task', () => {
  it('that it runs, is paused, runs again and is terminated, at each change', async () => {
    const key = await loading();
    await isListed(key, 'running');
    await service.signal(key, 'pause');
    await service.client.waitFor(key, ['paused']);
    await isListed(key, 'paused');
    expect(await detailsOf(key)).toMatch(/^\*\*paused\*\*[\s\S]*`resume`[\s\S]*POST \/upload\/resume/);
    await service.client.command('resume', key);
    await isListed(key, 'running');
    await service.client.command('pause', key);
    await service.client.waitFor(key, ['paused']);
    await isListed(key, 'paused');
    await service.client.command('terminate', key);
    await ended(key, 'terminated');
    expect(await shown(key)).toEqual(['terminated', 'CANCELLED']);
    await isListed(key, 'terminated');
    expect(await detailsOf(key)).toContain('**terminated**');
  }, 60_000);

  it('that it completed, with the rows, and that a download was terminated', async () => {
    const key = await service.upload('a,b\n1,2\n');
    await ended(key, 'completed');
    expect(await shown(key)).toEqual(['completed', 'COMPLETED']);
    expect(await handleOf(key).result()).toEqual({ state: 'completed', rows: { loaded: 1, rejected: 0 } });
    const large = await service.uploaded(salesCsv(40_000));
    const download: TaskKey = { kind: 'download', user_id: 'ana', task_name: large.task_name };
    await service.client.download(download, { max_bytes_per_second: 500_000 });
    await service.reaches(download, (task) => task.phase === 'dumping');
    await isListed(download, 'running');
    await service.client.command('terminate', download);
    await ended(download, 'terminated');
    expect(await shown(download)).toEqual(['terminated', 'CANCELLED']);
  }, 60_000);

  it('that it failed, where, and by which code', async () => {
    const key = await service.upload('a,b\n1,2\n"3,4\n');
    await ended(key, 'failed');
    expect(await shown(key)).toEqual(['failed', 'FAILED']);
    expect(await failureOf(key)).toMatchObject({
      type: 'unclosed_quote',
      message: expect.stringMatching(/^unclosed_quote at row 2, byte 8; rolled back/),
      nonRetryable: true,
    });
    expect(await detailsOf(key)).toMatch(/^\*\*failed\*\*: `unclosed_quote at row 2, byte 8`/);
  });

  it('that a native cancel ended as Canceled, as it was', async () => {
    const key = await loading();
    await handleOf(key).cancel();
    await ended(key, 'terminated');
    expect(await shown(key)).toEqual(['terminated', 'CANCELLED']);
  });

  it('the truth in the run that a reconciler has started after a native terminate', async () => {
    const key = await loading();
    const { runId } = await handleOf(key).describe();
    temporal('workflow', 'terminate', '-w', idOf(key));
    await ended(key, 'terminated');
    expect((await handleOf(key).describe()).runId).not.toBe(runId);
    expect(await shown(key)).toEqual(['terminated', 'CANCELLED']);
  }, 60_000);

  it('the truth in the run that a reset has made of an ended one: nothing changes for the task', async () => {
    const key = await service.upload('a,b\n1,2\n"3,4\n');
    await ended(key, 'failed');
    const before = await service.client.progress(key);
    temporal('workflow', 'reset', '-w', idOf(key), '--type', 'FirstWorkflowTask', '--reason', 'test');
    await service.until(async () => (await shown(key)).join() === 'failed,FAILED');
    // Neither a retry of Temporal's nor the reconciler starts it again.
    await sleep(6_000);
    expect(await shown(key)).toEqual(['failed', 'FAILED']);
    expect(await service.client.progress(key)).toEqual(before);
  }, 60_000);

  it('what its activities have done, in their heartbeats', async () => {
    const key = await loading(400_000);
    const beats = (description: WorkflowExecutionDescription) =>
      (description.raw.pendingActivities ?? []).flatMap(({ activityType, heartbeatDetails }) =>
        // A file of one part is loaded by the first.
        ['beginUpload', 'loadPart'].includes(activityType?.name ?? '')
          ? (heartbeatDetails?.payloads ?? []).map(({ data }) => JSON.parse(Buffer.from(data!).toString()))
          : [],
      );
    await service.until(async () => beats(await handleOf(key).describe())[0]?.rows > 0);
    const [beat] = beats(await handleOf(key).describe());
    expect(beat).toEqual({ part: 1, rows: expect.any(Number), bytes: expect.any(Number), offset: expect.any(Number) });
    const { rows, bytes } = await service.client.progress(key);
    expect([beat.rows <= rows.done, beat.bytes <= bytes.done]).toEqual([true, true]);
    await service.client.command('terminate', key);
    await ended(key, 'terminated');
  });
});
