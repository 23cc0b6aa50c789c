import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { TaskKey } from '../../src/client/client.js';
import type { TaskEvent } from '../../src/contract/task.js';
import { useService } from './service.js';

const service = useService();

/** Three bad rows among six. */
const BAD = 'a,b\n1,2\n3\n4,5\n6\n7,8\n9\n';

async function pausedAtTheLimit(): Promise<TaskKey> {
  const key = await service.upload(BAD);
  await service.client.waitFor(key, ['paused']);
  return key;
}

async function events({ kind, user_id, task_name }: TaskKey): Promise<TaskEvent[]> {
  const answer = await fetch(`${service.client.api}/tasks/${kind}/${task_name}?user_id=${user_id}`);
  return ((await answer.json()) as { task_events: TaskEvent[] }).task_events;
}

const objections = async (key: TaskKey) =>
  (await events(key)).filter(({ channel, reason }) => channel === 'service' && reason?.includes('pause again'));

async function detailsOf(key: TaskKey): Promise<string> {
  const handle = service.temporal.workflow.getHandle(`upload/ana/${key.task_name}`);
  return (await handle.query<{ currentDetails: string }>('__temporal_workflow_metadata')).currentDetails;
}

/** Paused once more than so often. */
async function pausesAgain(key: TaskKey, times: number): Promise<void> {
  await service.until(async () => (await events(key)).filter(({ to_state }) => to_state === 'paused').length > times);
}

it('a signal resume with max_rejects lets a task that its rejects have stopped complete', async () => {
  const key = await pausedAtTheLimit();
  expect(await detailsOf(key)).toMatch(
    /^\*\*paused\*\*: `reject_limit at row 2, column 2, byte 8`[\s\S]*\{"max_rejects": 100\}/,
  );
  await service.signal(key, 'resume', { max_rejects: 3, reason: 'known' });
  const task = await service.client.waitFor(key, ['completed']);
  expect(task.rows).toMatchObject({ total: 6, rejected: 3 });
  expect(await objections(key)).toEqual([]);
});

it('an argument that is odd is ignored with a line in the log, and a resume that cannot help is noted', async () => {
  const key = await pausedAtTheLimit();
  for (const [i, odd] of ['5', -1, 1.5, null, 1e300, [3]].entries()) {
    await service.signal(key, 'resume', { max_rejects: odd });
    await pausesAgain(key, i + 1);
  }
  await service.until(() => service.log.filter((line) => line.includes('ignored max_rejects')).length >= 6);
  expect(await objections(key)).toHaveLength(6);
  expect((await objections(key))[0]).toMatchObject({
    action: 'noted',
    reason: expect.stringMatching(/^max_rejects is 0, .* Resume with max_rejects of at least 3\.$/),
    from_state: 'running',
    to_state: 'running',
  });
  await service.client.command('terminate', key);
  await service.client.waitFor(key, ['terminated']);
}, 60_000);

it('so is one by the API, without a limit and with one that is too low; one that helps is not', async () => {
  const key = await pausedAtTheLimit();
  await service.client.command('resume', key);
  await pausesAgain(key, 1);
  const resume = (max_rejects: number) =>
    fetch(`${service.client.api}/upload/resume`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ user_id: 'ana', task_name: key.task_name, max_rejects }),
    });
  await resume(2);
  await pausesAgain(key, 2);
  expect((await objections(key)).map(({ reason }) => reason!.slice(0, 16))).toEqual([
    'max_rejects is 0',
    'max_rejects is 2',
  ]);
  expect(await detailsOf(key)).toContain('{"max_rejects": 102}');
  await resume(3);
  await service.client.waitFor(key, ['completed']);
  expect(await objections(key)).toHaveLength(2);
});

it('a limit in any other signal is ignored', async () => {
  const key = await pausedAtTheLimit();
  await service.signal(key, 'terminate', { max_rejects: 5 });
  await service.client.waitFor(key, ['terminated']);
  await service.until(() =>
    service.log.some((line) => line.includes('ignored max_rejects') && line.includes('terminate')),
  );
});

it('a limit that is raised in the moment in which the task is about to pause again is not lost', async () => {
  for (let milliseconds = 20; milliseconds < 50; milliseconds++) {
    const key = await service.upload('a,b\n1,2\n3\n');
    await service.client.waitFor(key, ['paused']);
    await service.client.command('resume', key);
    await sleep(milliseconds);
    await service.signal(key, 'resume', { max_rejects: 1 });
    await service.client.waitFor(key, ['completed']);
  }
}, 60_000);
