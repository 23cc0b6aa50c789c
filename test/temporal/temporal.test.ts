import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import type { TaskRow } from '../../src/tasks/tasks.js';
import { connectTemporal, type TemporalGateway, WorkflowClosedError } from '../../src/temporal/temporal.js';
import { NOWHERE, TestTemporal } from './support.js';

let temporal: TestTemporal;
beforeAll(async () => {
  temporal = await TestTemporal.connect(inject('temporalAddress'));
});
afterAll(() => temporal.gateway.close());

/** What the gateway reads of a task's row. */
function taskRow(): TaskRow {
  const name = randomUUID();
  const row = {
    id: name,
    kind: 'upload',
    user_id: 'ana',
    task_name: name,
    workflow_id: `upload/ana/${name}`,
    state: 'queued',
    options: {},
  };
  return row as TaskRow;
}

const toNowhere = (): TemporalGateway =>
  connectTemporal({ TEMPORAL_ADDRESS: NOWHERE, TEMPORAL_NAMESPACE: 'default', TASK_QUEUE: 'nobody' });

it('is not ready where the server does not know the namespace', async () => {
  const address = inject('temporalAddress');
  const gateway = connectTemporal({ TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: 'nowhere', TASK_QUEUE: 'nobody' });
  await temporal.gateway.check();
  await expect(gateway.check()).rejects.toThrow(/not found/i);
  await gateway.close();
});

describe('the gateway to Temporal', () => {
  it('starts a workflow once, and says so when it has ended', async () => {
    const row = taskRow();
    await temporal.gateway.startWorkflow(row);
    await temporal.gateway.startWorkflow(row);
    await temporal.end(row.workflow_id);
    await expect(temporal.gateway.startWorkflow(row)).rejects.toThrow(WorkflowClosedError);
    await expect(temporal.gateway.signalWorkflow(row, { action: 'pause' })).rejects.toThrow(WorkflowClosedError);
    await temporal.gateway.restartWorkflow(row);
    expect(await temporal.received(row.workflow_id)).toEqual(['start']);
  });

  it('starts a workflow without the search attributes that the server does not know', async () => {
    const namespace = `bare-${randomUUID()}`;
    const there = ['--namespace', namespace, '--address', inject('temporalAddress')];
    execFileSync(inject('temporalCli'), ['operator', 'namespace', 'create', ...there], { stdio: 'pipe' });
    const address = { TEMPORAL_ADDRESS: inject('temporalAddress'), TEMPORAL_NAMESPACE: namespace };
    const gateway = connectTemporal({ ...address, TASK_QUEUE: 'nobody' });
    const known: string[][] = [];
    for (const names of [[], ['LongTaskUser', 'LongTaskKind', 'LongTaskName'], ['LongTaskState']]) {
      for (const name of names)
        execFileSync(
          inject('temporalCli'),
          ['operator', 'search-attribute', 'create', ...there, '--name', name, '--type', 'Keyword'],
          { stdio: 'pipe' },
        );
      const row = taskRow();
      // A namespace and its attributes are not known everywhere at once.
      await vi.waitFor(() => gateway.startWorkflow(row), 20_000);
      const bare = new Client({ connection: temporal.client.connection, namespace });
      const { typedSearchAttributes } = await bare.workflow.getHandle(row.workflow_id).describe();
      known.push(typedSearchAttributes.getAll().map(({ key }) => key.name));
    }
    await gateway.close();
    const three = ['LongTaskKind', 'LongTaskName', 'LongTaskUser'];
    expect(known.map((names) => names.toSorted())).toEqual([[], three, [...three, 'LongTaskState'].toSorted()]);
  }, 60_000);

  it('ignores the end of an unknown workflow', async () => {
    await temporal.gateway.endWorkflow(taskRow(), randomUUID(), 'none');
  });

  it('tells by whom a run was terminated, and what it was sent', async () => {
    const row = taskRow();
    await temporal.gateway.startWorkflow(row);
    const handle = temporal.client.workflow.getHandle(row.workflow_id);
    await handle.signal('pause', { reason: 'lunch' });
    await temporal.gateway.signalWorkflow(row, { action: 'resume' });
    // A field that means nothing: the signal counts.
    await handle.signal('pause', { reason: 'odd', recorded: true });
    await handle.signal('terminate', 'now\0');
    await handle.cancel();
    const { runId } = await handle.describe();
    await temporal.gateway.endWorkflow(row, runId, 'begun anew');
    await temporal.gateway.restartWorkflow(row);
    await temporal.gateway.endWorkflow(row, runId, 'too late'); // Another run by now, which continues.
    expect(await temporal.gateway.describeWorkflow(row)).toMatchObject({ is: 'running', attempts: 1 });
    const sent = await temporal.gateway.listRunCommands(row, runId);
    expect(sent.map(({ action, channel, reason }) => [action, channel, reason])).toEqual([
      ['pause', 'signal', 'lunch'],
      ['pause', 'signal', 'odd'],
      ['terminate', 'signal', 'now'],
      ['terminate', 'cancel', 'cancelled'],
    ]);
    await temporal.end(row.workflow_id);
    expect(await temporal.gateway.describeWorkflow(row)).toMatchObject({ is: 'terminated', by: expect.any(String) });
  });

  it('says who is away, within the deadline', async () => {
    const gateway = toNowhere();
    const began = performance.now();
    await expect(gateway.startWorkflow(taskRow())).rejects.toMatchObject({ code: 'temporal_unavailable' });
    expect(performance.now() - began).toBeLessThan(5_000);
    await gateway.close();
  });

  it('passes on what concerns one call only', async () => {
    const row = { ...taskRow(), workflow_id: 'x'.repeat(2_000) };
    await expect(temporal.gateway.startWorkflow(row)).rejects.not.toMatchObject({ code: 'temporal_unavailable' });
  });

  it('closes while a call waits for its next attempt, and nothing is thrown afterwards', async () => {
    const gateway = toNowhere();
    const call = gateway.startWorkflow(taskRow()).catch((error: Error) => error);
    await sleep(500);
    await gateway.close();
    expect(await call).toMatchObject({ code: 'temporal_unavailable' });
    await sleep(1_500); // An error thrown out of a timer would fail the run now.
  });
});
