import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { TaskKey } from '../../src/client/client.js';
import { salesCsv, useService } from '../e2e/service.js';

const service = useService();
const idOf = (key: TaskKey) => `upload/ana/${key.task_name}`;

async function loading(): Promise<TaskKey> {
  const key = await service.upload(salesCsv(40_000), { max_bytes_per_second: 800_000 });
  await service.reaches(key, (task) => task.rows.done > 0);
  return key;
}

it('an argument in an unknown encoding is ignored, and the signal itself is obeyed', async () => {
  const key = await loading();
  await service.temporal.workflowService.signalWorkflowExecution({
    namespace: 'default',
    workflowExecution: { workflowId: idOf(key) },
    signalName: 'pause',
    input: { payloads: [{ metadata: { encoding: Buffer.from('binary/foo') }, data: Buffer.from('xyz') }] },
  });
  await service.client.waitFor(key, ['paused']);
  await service.client.command('terminate', key);
  await service.client.waitFor(key, ['terminated']);
}, 60_000);

it('a reason that PostgreSQL cannot hold is cleaned', async () => {
  const key = await loading();
  await service.signal(key, 'pause', { reason: `a\0b\ud800${'😀'.repeat(600)}` });
  const { pause_reasons } = await service.client.waitFor(key, ['paused']);
  expect(pause_reasons[0]).toMatch(/^ab�😀/u);
  await service.client.command('terminate', key);
  await service.client.waitFor(key, ['terminated']);
}, 60_000);

it('a signal that comes while an earlier one is applied is not forgotten', async () => {
  const key = await loading();
  await service.client.command('pause', key);
  await service.client.waitFor(key, ['paused']);
  for (let round = 0; round < 8; round++) {
    await service.signal(key, 'pause');
    await sleep(3 * round);
    await service.signal(key, 'resume');
    await service.until(async () => (await service.state(key)) !== 'paused', 5_000);
    await service.client.command('pause', key);
    await service.client.waitFor(key, ['paused']);
  }
  await service.signal(key, 'pause');
  await service.signal(key, 'terminate');
  await service.until(async () => (await service.state(key)) === 'terminated', 5_000);
}, 60_000);

it('the query counts the rows of finished parts once, also after a pause', async () => {
  const key = await loading();
  await service.client.command('pause', key);
  await service.client.waitFor(key, ['paused']);
  await service.client.command('resume', key);
  await service.client.waitFor(key, ['completed']);
  const workflow = service.temporal.workflow.getHandle(idOf(key));
  // A moment after its task.
  await workflow.result();
  const answer = await workflow.query<{ rows: object }>('progress');
  expect(answer.rows).toEqual({ done: 40_000, total: 40_000 });
}, 60_000);
