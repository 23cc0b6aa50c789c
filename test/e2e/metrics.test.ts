import { readFileSync } from 'node:fs';
import http from 'node:http';
import { text } from 'node:stream/consumers';
import { parser } from '@prometheus-io/lezer-promql';
import { beforeAll, describe, expect, it } from 'vitest';
import { inProject } from '../../launcher/paths.js';
import { freePort } from '../../launcher/ports.js';
import { salesCsv, useOwnService } from './service.js';

const ROWS = 20_000;
/** `npm run bench` has the figure, 20 ms; here other tests keep the processors busy. */
const SCRAPE_MS = 200;

const service = useOwnService();
let workerUrl: string;
/** What Prometheus gets of each process once a task was loaded, paused, resumed and exported. */
const scraped = { api: '', worker: '' };

beforeAll(async () => {
  const port = await freePort();
  workerUrl = `http://127.0.0.1:${port}/metrics`;
  await service.worker.stop();
  await service.startWorker({ WORKER_METRICS_PORT: String(port) });
  const key = await service.upload(`${salesCsv(ROWS)}bad\n`, { max_rejects: 1, max_bytes_per_second: 500_000 });
  await service.reaches(key, (task) => task.rows.done > 0);
  await service.client.command('pause', key);
  await service.client.waitFor(key, ['paused']);
  await service.client.command('resume', key);
  await service.client.waitFor(key, ['completed']);
  await service.exported({}, key.task_name);
  // The reconciler has a round every five seconds.
  await service.until(async () => (await scrape(apiUrl())).includes('long_task_reconciler_round_seconds_count'));
  scraped.api = await scrape(apiUrl());
  scraped.worker = await scrape(workerUrl);
}, 60_000);

const apiUrl = () => `${service.client.api}/metrics`;

async function scrape(url: string): Promise<string> {
  const answer = await fetch(url);
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, expect.stringContaining('version=0.0.4')]);
  return answer.text();
}

/** The samples of a scrape: series and value. */
function samples(exposition: string): { name: string; labels: string; value: number }[] {
  return [...exposition.matchAll(/^([a-zA-Z_:][\w:]*)(\{.*\})? (\S+)$/gm)].map(([, name, labels, value]) => ({
    name: name!,
    labels: labels ?? '',
    value: Number(value),
  }));
}

function sampleOf(exposition: string, name: string, labels = ''): number | undefined {
  return samples(exposition).find((sample) => sample.name === name && sample.labels === labels)?.value;
}

describe('the metrics', () => {
  it('count what was committed', () => {
    expect(sampleOf(scraped.worker, 'long_task_rows_total', '{kind="upload"}')).toBe(ROWS);
    expect(sampleOf(scraped.worker, 'long_task_rows_total', '{kind="download"}')).toBe(ROWS);
    expect(sampleOf(scraped.worker, 'long_task_rejects_total')).toBe(1);
    expect(sampleOf(scraped.worker, 'long_task_commit_seconds_count')).toBeGreaterThan(1);
    expect(sampleOf(scraped.api, 'long_task_tasks', '{kind="upload",state="completed"}')).toBe(1);
    expect(sampleOf(scraped.api, 'long_task_tasks', '{kind="upload",state="failed"}')).toBe(0);
    expect(sampleOf(scraped.api, 'long_task_command_seconds_count', '{action="pause"}')).toBe(1);
    // The one that was stopped a moment ago may still count.
    expect([1, 2]).toContain(sampleOf(scraped.api, 'long_task_workers'));
    expect(sampleOf(scraped.api, 'long_task_database_up')).toBe(1);
  });

  it('have each series once, and those of the SDK', () => {
    for (const exposition of [scraped.api, scraped.worker]) {
      const series = samples(exposition).map(({ name, labels }) => `${name}${labels}`);
      expect(series.length).toBe(new Set(series).size);
    }
    expect(samples(scraped.worker).some(({ name }) => name.startsWith('temporal_'))).toBe(true);
  });

  it('have no label that grows with users, tasks or files', async () => {
    const labels = [...`${scraped.api}${scraped.worker}`.matchAll(/[{,](\w+)="/g)].map(([, name]) => name!);
    const { rows } = await service.pool.query('SELECT task_name, id::text FROM long_task.tasks');
    for (const { task_name, id } of rows) {
      for (const exposition of Object.values(scraped)) {
        expect(exposition).not.toContain(task_name);
        expect(exposition).not.toContain(id);
      }
    }
    for (const name of ['user', 'user_id', 'task', 'task_name', 'table', 'workflow_id'])
      expect(labels).not.toContain(name);
    // A request to any address adds no series.
    const before = samples(await scrape(apiUrl())).length;
    await Promise.all(['/a', '/b', '/tasks/upload/x?user_id=u'].map((path) => fetch(service.client.api + path)));
    await scrape(apiUrl());
    const between = samples(await scrape(apiUrl())).length;
    await Promise.all(['/c', '/d', '/tasks/upload/y?user_id=v'].map((path) => fetch(service.client.api + path)));
    expect(samples(await scrape(apiUrl())).length).toBe(between);
    expect(between).toBeGreaterThan(before);
  });

  it('are given soon, also over ten thousand tasks', async () => {
    await service.pool.query(
      `INSERT INTO long_task.tasks (kind, user_id, task_name, workflow_id, state, options, superseded_at)
       SELECT 'upload', 'many', 'm' || i, 'upload/many/m' || i, 'completed', '{}', now() FROM generate_series(1, 10000) i`,
    );
    for (const url of [apiUrl(), workerUrl]) {
      const times: number[] = [];
      for (let i = 0; i < 20; i++) {
        const began = performance.now();
        await scrape(url);
        times.push(performance.now() - began);
      }
      // Other processes of the test run take the processor now and then: what counts is what a scrape costs.
      expect(times.toSorted((a, b) => a - b)[2], times.join(' ')).toBeLessThanOrEqual(SCRAPE_MS);
    }
    await service.pool.query(`DELETE FROM long_task.tasks WHERE user_id = 'many'`);
  });

  it('answer to loopback only, and only there', async () => {
    expect(await statusFor(workerUrl, 'attacker.example')).toBe(421);
    expect(await statusFor(apiUrl(), 'attacker.example')).toBe(421);
    expect((await fetch(workerUrl.replace('/metrics', '/'))).status).toBe(404);
    expect((await fetch(workerUrl, { method: 'POST' })).status).toBe(405);
  });
});

/** `fetch` does not send a Host of one's own. */
async function statusFor(url: string, host: string): Promise<number | undefined> {
  const answer = await new Promise<http.IncomingMessage>((resolve, reject) => {
    http.get(url, { headers: { host } }, resolve).once('error', reject);
  });
  await text(answer);
  return answer.statusCode;
}

describe('docs/monitoring', () => {
  const dashboard = JSON.parse(readFileSync(inProject('docs/monitoring/grafana-dashboard.json'), 'utf8'));
  const rules = readFileSync(inProject('docs/monitoring/alerts.yml'), 'utf8');
  const panels: [string, string][] = dashboard.panels.flatMap((panel: Panel) =>
    (panel.targets ?? []).map(({ expr }) => [panel.title, expr] as [string, string]),
  );
  const alerts = [...rules.matchAll(/- alert: (\w+)\n +expr: (.+)\n/g)].map(([, name, expr]) => [name!, expr!]);

  it('has panels and alerts, all of which are read here', () => {
    expect(panels.length).toBeGreaterThan(10);
    expect(alerts.length).toBe(rules.match(/alert:/g)?.length);
    expect(alerts.length).toBeGreaterThan(5);
  });

  it.each([...panels, ...alerts])('%s asks for what there is: %s', (_title, expr) => {
    const { errors, metrics } = readQuery(expr!);
    expect(errors).toEqual([]);
    expect(metrics.length).toBeGreaterThan(0);
    const known = new Set([scraped.api, scraped.worker].flatMap((all) => samples(all).map(({ name }) => name)));
    expect(metrics.filter((name) => !known.has(name) && name !== 'up')).toEqual([]);
  });
});

interface Panel {
  title: string;
  targets?: { expr: string }[];
}

/** Reads PromQL by Prometheus' own grammar: the metrics that a query names, and the texts that are no PromQL. */
function readQuery(expr: string): { errors: string[]; metrics: string[] } {
  const found = { errors: [] as string[], metrics: [] as string[] };
  parser.parse(expr).iterate({
    enter: ({ type, from, to, node }) => {
      if (type.isError) found.errors.push(expr.slice(from, to) || `at ${from}`);
      if (type.name === 'Identifier' && node.parent?.name === 'VectorSelector')
        found.metrics.push(expr.slice(from, to));
    },
  });
  return found;
}
