import { readdir, readFile, utimes } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError } from '../src/client/api-error.js';
import type { TaskKey } from '../src/client/client.js';
import type { Failpoint } from '../src/failpoint.js';
import { folderContents } from '../testkit/contents.js';
import { beginLoad, type Lab, newKey, untilMoving, watch } from './lab.js';
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
    run: (lab: Lab) => apiKilledStoring(lab, failpoint),
  })),
  {
    fault: 'F5',
    place: 'API killed at command:before-commit, command:after-commit',
    how: 'SIGKILL of the API while it carries out a pause, start: before, the pause never was; after, it is dispatched',
    run: apiKilledCommanding,
  },
];

async function clientGone(lab: Lab): Promise<Finding> {
  const key = newKey();
  const request = await sendHalf(lab, key);
  request.destroy();
  return { violations: [...(await leftovers(lab)), ...(await noTask(lab, key))] };
}

async function apiKilledMidUpload(lab: Lab): Promise<Finding> {
  const { rig } = lab;
  const key = newKey();
  const request = await sendHalf(lab, key);
  await rig.kill(rig.api);
  request.destroy();
  await ageFiles(lab);
  await rig.startApi();
  return { violations: [...(await leftovers(lab)), ...(await noTask(lab, key))] };
}

/** Resolves when half of the file has come to the file store. */
async function sendHalf(lab: Lab, key: TaskKey): Promise<http.ClientRequest> {
  const content = await readFile(lab.large.file);
  const field = (name: string, value: string) =>
    `--x\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
  const head = `${field('user_id', key.user_id)}${field('task_name', key.task_name)}--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n`;
  const request = http.request(new URL('/upload/start', lab.rig.client.api), {
    method: 'POST',
    headers: { 'Content-Type': 'multipart/form-data; boundary=x', 'Content-Length': head.length + content.length + 9 },
  });
  request.on('error', () => {});
  request.write(head);
  request.write(content.subarray(0, content.length / 2));
  await lab.rig.until(async () => (await bytesStored(lab)) > content.length / 3);
  return request;
}

async function bytesStored({ rig }: Lab): Promise<number> {
  const contents = [...(await folderContents(rig.filesDir)).values()];
  return contents.reduce((sum, content) => sum + (Number.parseInt(content, 10) || 0), 0);
}

export async function noTask({ rig }: Lab, key: TaskKey): Promise<string[]> {
  const { rows } = await rig.db.query('SELECT state FROM long_task.tasks WHERE task_name = $1', [key.task_name]);
  return rows.map(({ state }) => `there is a task, ${state}`);
}

/** A file without a write for two hours is an orphan. */
export async function ageFiles({ rig }: Lab): Promise<void> {
  const old = new Date(Date.now() - 2 * 3_600_000);
  const entries = await readdir(rig.filesDir, { recursive: true, withFileTypes: true });
  for (const entry of entries) if (entry.isFile()) await utimes(path.join(entry.parentPath, entry.name), old, old);
}

async function apiKilledStoring(lab: Lab, failpoint: Failpoint): Promise<Finding> {
  const { rig } = lab;
  await rig.kill(rig.api);
  await rig.startApi({ FAILPOINT: `${failpoint}:1:kill` });
  const { api } = rig;
  const key = newKey();
  const answer = await rig.client.upload(key, lab.small.file).catch(() => 'broken off');
  const violations = new Violations();
  violations.expect(answer === 'broken off' && (await endsWithin(api, 5_000)), 'void: the API was not killed');
  await ageFiles(lab);
  await rig.startApi();
  violations.add([...(await leftovers(lab)), ...(await noTask(lab, key))]);
  return { violations: violations.found };
}

async function apiKilledCommanding(lab: Lab): Promise<Finding> {
  const { rig } = lab;
  const violations = new Violations();
  for (const when of ['before', 'after'] as const) {
    await rig.kill(rig.api);
    await rig.startApi({ FAILPOINT: `command:${when}-commit:1:kill` });
    const { api } = rig;
    const key = await beginLoad(lab, 4);
    await untilMoving(lab, key);
    await rig.client.command('pause', key).catch(() => {});
    violations.expect(await endsWithin(api, 5_000), 'void: the API was not killed');
    await rig.startApi();
    if (when === 'after') {
      await watch(lab, key).untilState('paused');
      await rig.client.command('resume', key);
    } else {
      const { state } = await watch(lab, key).look();
      // Completed, too, where the API took longer to come back than the load.
      const isUntouched = state === 'running' || state === 'completed';
      violations.expect(isUntouched, `a pause that was not committed left the task ${state}`);
    }
    violations.add((await judge(lab, key, ['completed'])).violations);
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

async function startFiftyTimes(lab: Lab): Promise<Finding> {
  const { rig } = lab;
  const violations = new Violations();
  const key = newKey();
  const send = async (file: string) => {
    const options = { filename: 'a.csv', idempotencyKey: `key of ${key.task_name}` };
    return rig.client.upload(key, file, {}, options).then(
      () => 'accepted',
      (error: unknown) => (error instanceof ApiError ? error.status : String(error)),
    );
  };
  const answers = await Promise.all(Array.from({ length: 50 }, () => send(lab.small.file)));
  const refused = answers.filter((answer) => answer !== 'accepted');
  violations.expect(refused.length === 0, `of 50 requests ${refused.length} were refused: ${[...new Set(refused)]}`);
  const { rows } = await rig.db.query('SELECT FROM long_task.tasks WHERE user_id = $1 AND task_name = $2', [
    key.user_id,
    key.task_name,
  ]);
  violations.expect(rows.length === 1, `there are ${rows.length} tasks`);
  const other = await send(lab.large.file);
  violations.expect(other === 422, `another file with the same key was answered ${other}`);
  violations.add((await judge(lab, key, ['completed'])).violations);
  await sleep(100);
  return { violations: violations.found };
}
