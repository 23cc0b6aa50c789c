import { readdir, readFile, utimes } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError } from '../src/client/api-error.js';
import type { TaskKey } from '../src/client/client.js';
import type { Failpoint } from '../src/failpoint.js';
import { folderContents } from '../testkit/contents.js';
import { beginLoad, type Fixture, newKey, untilMoving, watch } from './fixture.js';
import { type Finding, judge, leftovers } from './oracle.js';
import { endsWithin, type Scenario, Violations } from './scenario.js';

const AGED = 'files that were left are aged by two hours, in place of the hour for which the sweeper waits';

export const uploadFaults: Scenario[] = [
  {
    fault: 'F5',
    place: 'client gone in mid upload',
    how: 'half of the file is sent, then the connection is closed',
    run: clientGone,
  },
  {
    fault: 'F5',
    place: 'API killed in mid upload',
    how: `SIGKILL of the API at half of the file; ${AGED}; start`,
    run: apiKilledMidUpload,
  },
  ...(['store:before-fsync', 'store:before-rename', 'store:after-rename'] as const).map((failpoint) => ({
    fault: 'F5',
    place: `API killed at ${failpoint}`,
    how: `SIGKILL of the API at this failpoint of an upload; ${AGED}; start`,
    run: (fixture: Fixture) => apiKilledStoring(fixture, failpoint),
  })),
  {
    fault: 'F5',
    place: 'API killed at command:before-commit, command:after-commit',
    how: 'SIGKILL of the API while it carries out a pause, start: before, the pause never was; after, it is dispatched',
    run: apiKilledCommanding,
  },
];

async function clientGone(fixture: Fixture): Promise<Finding> {
  const key = newKey();
  const request = await sendHalf(fixture, key);
  request.destroy();
  return { violations: [...(await leftovers(fixture)), ...(await noTask(fixture, key))] };
}

async function apiKilledMidUpload(fixture: Fixture): Promise<Finding> {
  const { harness } = fixture;
  const key = newKey();
  const request = await sendHalf(fixture, key);
  await harness.kill(harness.api);
  request.destroy();
  await ageFiles(fixture);
  await harness.startApi();
  return { violations: [...(await leftovers(fixture)), ...(await noTask(fixture, key))] };
}

/** Resolves when half of the file has come to the file store. */
async function sendHalf(fixture: Fixture, key: TaskKey): Promise<http.ClientRequest> {
  const content = await readFile(fixture.large.file);
  const field = (name: string, value: string) =>
    `--x\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
  const head = `${field('user_id', key.user_id)}${field('task_name', key.task_name)}--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n`;
  const request = http.request(new URL('/upload/start', fixture.harness.client.api), {
    method: 'POST',
    headers: { 'Content-Type': 'multipart/form-data; boundary=x', 'Content-Length': head.length + content.length + 9 },
  });
  request.on('error', () => {});
  request.write(head);
  request.write(content.subarray(0, content.length / 2));
  await fixture.harness.until(async () => (await bytesStored(fixture)) > content.length / 3);
  return request;
}

async function bytesStored({ harness }: Fixture): Promise<number> {
  const contents = [...(await folderContents(harness.filesDir)).values()];
  return contents.reduce((sum, content) => sum + (Number.parseInt(content, 10) || 0), 0);
}

export async function noTask({ harness }: Fixture, key: TaskKey): Promise<string[]> {
  const { rows } = await harness.db.query('SELECT state FROM long_task.tasks WHERE task_name = $1', [key.task_name]);
  return rows.map(({ state }) => `there is a task, ${state}`);
}

/** A file without a write for two hours is an orphan. */
export async function ageFiles({ harness }: Fixture): Promise<void> {
  const old = new Date(Date.now() - 2 * 3_600_000);
  const entries = await readdir(harness.filesDir, { recursive: true, withFileTypes: true });
  for (const entry of entries) if (entry.isFile()) await utimes(path.join(entry.parentPath, entry.name), old, old);
}

async function apiKilledStoring(fixture: Fixture, failpoint: Failpoint): Promise<Finding> {
  const { harness } = fixture;
  await harness.kill(harness.api);
  await harness.startApi({ FAILPOINT: `${failpoint}:1:kill` });
  const { api } = harness;
  const key = newKey();
  const answer = await harness.client.upload(key, fixture.small.file).catch(() => 'broken off');
  const violations = new Violations();
  violations.expect(answer === 'broken off' && (await endsWithin(api, 5_000)), 'void: the API was not killed');
  await ageFiles(fixture);
  await harness.startApi();
  violations.add([...(await leftovers(fixture)), ...(await noTask(fixture, key))]);
  return { violations: violations.found };
}

async function apiKilledCommanding(fixture: Fixture): Promise<Finding> {
  const { harness } = fixture;
  const violations = new Violations();
  for (const when of ['before', 'after'] as const) {
    await harness.kill(harness.api);
    await harness.startApi({ FAILPOINT: `command:${when}-commit:1:kill` });
    const { api } = harness;
    const key = await beginLoad(fixture, 4);
    await untilMoving(fixture, key);
    await harness.client.command('pause', key).catch(() => {});
    violations.expect(await endsWithin(api, 5_000), 'void: the API was not killed');
    await harness.startApi();
    if (when === 'after') {
      await watch(fixture, key).untilState('paused');
      await harness.client.command('resume', key);
    } else {
      const { state } = await watch(fixture, key).look();
      // Completed, too, where the API took longer to come back than the load.
      const isUntouched = state === 'running' || state === 'completed';
      violations.expect(isUntouched, `a pause that was not committed left the task ${state}`);
    }
    violations.add((await judge(fixture, key, ['completed'])).violations);
  }
  return { violations: violations.found };
}

/** F9: one request, sent again and again. */
export const duplicateStart: Scenario = {
  fault: 'F9',
  place: '50 starts with one Idempotency-Key',
  how: '50 requests at once with the same file, fields and key; then one with another file',
  run: startFiftyTimes,
};

async function startFiftyTimes(fixture: Fixture): Promise<Finding> {
  const { harness } = fixture;
  const violations = new Violations();
  const key = newKey();
  const send = async (file: string) => {
    const options = { filename: 'a.csv', idempotencyKey: `key of ${key.task_name}` };
    return harness.client.upload(key, file, {}, options).then(
      () => 'accepted',
      (error: unknown) => (error instanceof ApiError ? error.status : String(error)),
    );
  };
  const answers = await Promise.all(Array.from({ length: 50 }, () => send(fixture.small.file)));
  const refused = answers.filter((answer) => answer !== 'accepted');
  violations.expect(refused.length === 0, `of 50 requests ${refused.length} were refused: ${[...new Set(refused)]}`);
  const { rows } = await harness.db.query('SELECT FROM long_task.tasks WHERE user_id = $1 AND task_name = $2', [
    key.user_id,
    key.task_name,
  ]);
  violations.expect(rows.length === 1, `there are ${rows.length} tasks`);
  const other = await send(fixture.large.file);
  violations.expect(other === 422, `another file with the same key was answered ${other}`);
  violations.add((await judge(fixture, key, ['completed'])).violations);
  await sleep(100);
  return { violations: violations.found };
}
