import { execFileSync } from 'node:child_process';
import { expect, inject, it } from 'vitest';
import type { TaskKey } from '../../src/client/client.js';
import type { TaskEvent } from '../../src/contract/task.js';
import { salesCsv, useService } from './service.js';

const service = useService();

async function loading(): Promise<TaskKey> {
  const key = await service.upload(salesCsv(40_000), { max_bytes_per_second: 200_000 });
  await service.reaches(key, (task) => task.rows.done > 0);
  return key;
}

function temporal(...args: string[]): void {
  execFileSync(inject('temporalCli'), [...args, '--address', inject('temporalAddress')], { stdio: 'pipe' });
}

/** What the API says of the commands that were given. */
async function commandsOf({ kind, user_id, task_name }: TaskKey): Promise<TaskEvent[]> {
  const answer = await fetch(`${service.client.api}/tasks/${kind}/${task_name}?user_id=${user_id}`);
  const { task_events } = (await answer.json()) as { task_events: TaskEvent[] };
  return task_events.filter(({ channel }) => channel !== 'service');
}

it('GET of a task says by which channel and by whom each command came', async () => {
  const key = await loading();
  const id = `upload/ana/${key.task_name}`;
  temporal('workflow', 'signal', '-w', id, '--name', 'pause', '--input', '{"reason":"backup"}');
  await service.client.waitFor(key, ['paused']);
  await service.client.resume(key, { reason: 'done' });
  temporal('workflow', 'cancel', '-w', id);
  await service.client.waitFor(key, ['terminated']);
  // The name is found out after the fence is closed.
  await service.until(async () => (await commandsOf(key)).every(({ actor }) => actor !== null), 5_000).catch(() => {});
  expect(await commandsOf(key)).toMatchObject([
    { channel: 'signal', actor: expect.stringContaining('temporal-cli:'), action: 'pause_requested', reason: 'backup' },
    { channel: 'api', actor: 'ana', action: 'resumed', reason: 'done', from_state: 'paused', to_state: 'running' },
    { channel: 'cancel', actor: expect.stringContaining('temporal-cli:'), action: 'terminate_requested' },
  ]);
}, 60_000);
