import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TaskKey } from '../src/client/client.js';
import { type Figure, limitFigure } from '../testkit/figures.js';
import { median } from '../testkit/speed.js';
import { TaskWatch } from '../testkit/task-watch.js';
import { count, say } from '../testkit/terminal.js';
import type { BenchInput } from './input.js';

const CLIENTS = 10;
/** Per second and client. */
const READS = 20;
const ROUNDS = 3;
const SECONDS = 5;
/** As many reads are under way at once when it is measured how many can be answered. */
const CONNECTIONS = 16;

/** What reading the progress costs a load, and how many reads one API answers per second. */
export async function benchReads(input: BenchInput): Promise<Figure[]> {
  const [alone, read]: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    alone.push(await loadSeconds(input, `unread ${round}`, false));
    read.push(await loadSeconds(input, `read ${round}`, true));
  }
  const ratio = median(read) / median(alone);
  say(`a load takes ${median(alone).toFixed(2)} s, ${median(read).toFixed(2)} s with ${CLIENTS} clients that read`);
  const longer: Figure = {
    name: `a load while ${CLIENTS} clients read its progress ${READS} times a second each, against one that is not read`,
    measured: `${ratio.toFixed(2)} × as long`,
    asked: '≤ 1.15 ×',
    holds: ratio <= 1.15,
  };
  return [longer, await answersPerSecond(input)];
}

async function loadSeconds({ workspace, file }: BenchInput, task_name: string, isRead: boolean): Promise<number> {
  const key: TaskKey = { kind: 'upload', user_id: 'bench', task_name };
  await workspace.client.upload(key, file);
  const ended = new AbortController();
  const readers = isRead
    ? Array.from({ length: CLIENTS }, () => readSteadily(workspace.client.api, key, ended.signal))
    : [];
  await new TaskWatch(workspace.db, key, 50).untilState('completed');
  ended.abort();
  await Promise.all(readers);
  const { receipt, table } = await workspace.client.progress(key);
  await workspace.db.query(`DROP TABLE ${table}`);
  // Without the transfer of the file to the API, during which nothing reads.
  return Object.values(receipt?.seconds ?? {}).reduce((sum, seconds) => sum + seconds, 0);
}

async function readSteadily(api: string, key: TaskKey, until: AbortSignal): Promise<void> {
  const agent = new http.Agent({ keepAlive: true });
  for (let next = performance.now(); !until.aborted; next += 1_000 / READS) {
    await read(api, key, agent);
    await sleep(Math.max(0, next - performance.now()));
  }
  agent.destroy();
}

async function answersPerSecond({ workspace }: BenchInput): Promise<Figure> {
  const key: TaskKey = { kind: 'upload', user_id: 'bench', task_name: 'much read' };
  await workspace.client.uploadSample(key);
  const { table } = await workspace.client.waitFor(key, ['completed']);
  const agent = new http.Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const end = performance.now() + SECONDS * 1_000;
  let answers = 0;
  const client = async () => {
    for (; performance.now() < end; answers++) await read(workspace.client.api, key, agent);
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, client));
  agent.destroy();
  await workspace.db.query(`DROP TABLE ${table}`);
  const measured = answers / SECONDS;
  const figure = limitFigure('reads of a task answered by one API', measured, 'per second');
  return {
    ...figure,
    measured: `${count(Math.round(measured))} per second`,
    asked: '≥ 1,000 per second',
    holds: measured >= 1_000,
  };
}

/** Reads a task as cheaply as a client can, so that it is the service that is measured. */
function read(api: string, { kind, user_id, task_name }: TaskKey, agent: http.Agent): Promise<void> {
  const url = `${api}/tasks/${kind}/${encodeURIComponent(task_name)}?user_id=${encodeURIComponent(user_id)}`;
  return new Promise((resolve, reject) => {
    const request = http.get(url, { agent }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`a read was answered ${response.statusCode}`));
      response.resume().once('end', resolve).once('error', reject);
    });
    request.once('error', reject);
  });
}
