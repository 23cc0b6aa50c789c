import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import http from 'node:http';
import { buffer, text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'csv-parse/sync';
import { type Fixture, newKey, watch } from './fixture.js';
import type { Finding } from './oracle.js';
import { resourcesOf } from './resources.js';
import { type Scenario, Violations } from './scenario.js';

const ACCOUNTS = 20_000;
const WRITERS = 8;

/** F14: a table under change. */
export const changingTable: Scenario = {
  fault: 'F14',
  place: 'frozen export while eight writers move amounts, worker killed in the middle',
  how: 'consistency=frozen of a table in which eight sessions move amounts between rows; SIGKILL of the worker while parts are dumped',
  run: exportChangingTable,
};

async function exportChangingTable(fixture: Fixture): Promise<Finding> {
  const { harness } = fixture;
  const violations = new Violations();
  await harness.db.query(
    `CREATE TABLE public.accounts AS SELECT i AS id, 100 AS amount, repeat('x', 100) AS note FROM generate_series(1, ${ACCOUNTS}) i`,
  );
  await harness.db.query('ALTER TABLE public.accounts ADD PRIMARY KEY (id)');
  let isWriting = true;
  let moves = 0;
  const writers = Array.from({ length: WRITERS / 2 }, async () => {
    for (; isWriting; moves++) await moveAmounts(fixture);
  });
  try {
    const key = newKey('download');
    await harness.client.download(key, {
      table: 'public.accounts',
      consistency: 'frozen',
      max_bytes_per_second: 500_000,
    });
    await watch(fixture, key).until((snapshot) => snapshot.phase === 'dumping', 'dumping');
    await sleep(500);
    await harness.killWorkers();
    await harness.startWorker();
    const { receipt } = await harness.client.waitFor(key, ['completed']);
    violations.expect(moves > 50, `void: only ${moves} moves were made`);
    violations.expect(receipt?.consistency === 'frozen', 'the receipt does not say that it is frozen');
    const content = await text(await harness.client.result(key));
    const rows: { id: string; amount: string }[] = parse(content, { columns: true });
    const sum = rows.reduce((total, { amount }) => total + Number(amount), 0);
    violations.expect(sum === ACCOUNTS * 100, `the amounts sum up to ${sum}`);
    const ids = new Set(rows.map(({ id }) => id));
    violations.expect(rows.length === ACCOUNTS && ids.size === ACCOUNTS, `${rows.length} rows, ${ids.size} keys`);
  } finally {
    isWriting = false;
    await Promise.all(writers);
    await harness.db.query('DROP TABLE public.accounts');
  }
  return { violations: violations.found, note: `${moves} moves` };
}

/** Two rows at once, in the order of their keys, so that writers do not lock each other out. */
async function moveAmounts({ harness, random }: Fixture): Promise<void> {
  const [from, to] = [1 + (random() % ACCOUNTS), 1 + (random() % ACCOUNTS)];
  if (from === to) return;
  await harness.db.query(
    `UPDATE public.accounts a SET amount = a.amount + d.by
       FROM (SELECT * FROM (VALUES (${from}, -1), (${to}, 1)) v (id, by) ORDER BY id) d WHERE a.id = d.id`,
  );
}

/** F21: a client reads slowly, or disconnects. */
export const slowClient: Scenario = {
  fault: 'F21',
  place: 'slow reader of a result, gone in the middle; then the rest by Range',
  how: 'a client reads 1 kB/s for 5 s and goes away; descriptor and memory of the API are looked at; another one fetches the rest',
  run: readSlowly,
};

async function readSlowly(fixture: Fixture): Promise<Finding> {
  const { harness } = fixture;
  const violations = new Violations();
  const key = newKey('download');
  await harness.client.download(key, { table: 'public.large' });
  const { download_url, receipt } = await harness.client.waitFor(key, ['completed']);
  const url = new URL(download_url as string, harness.client.api);
  const before = memoryOf(harness.api.pid);
  const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
    http.get(url, { agent: false }, resolve).once('error', reject);
  });
  let got = 0;
  response.on('error', () => {});
  response.pause();
  for (let i = 0; i < 5; i++) {
    await sleep(1_000);
    got += (response.read(1_024) as Buffer | null)?.length ?? 0;
  }
  violations.expect(got > 0, 'void: nothing was read');
  violations.expect(
    memoryOf(harness.api.pid) - before < 64,
    `the API grew from ${before} to ${memoryOf(harness.api.pid)} MiB`,
  );
  response.destroy();
  await harness
    .until(() => openResults(harness.api.pid) === 0, 30_000)
    .catch(() => violations.expect(false, 'the result is still open 30 s after the client went'));
  const { byteLength } = await buffer(await harness.client.result(key, got));
  violations.expect(got + byteLength === receipt?.file?.size, `${got} and ${byteLength} bytes are not the whole file`);
  return { violations: violations.found };
}

const memoryOf = (pid: number) => resourcesOf(pid)?.resident ?? 0;

function openResults(pid: number): number {
  if (!existsSync(`/proc/${pid}/fd`)) return 0;
  return readdirSync(`/proc/${pid}/fd`).filter((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`).includes('/results/');
    } catch {
      return false;
    }
  }).length;
}
