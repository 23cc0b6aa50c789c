import path from 'node:path';
import pino from 'pino';
import { describe, expect, it } from 'vitest';
import { buildApp } from '../../src/api/app.js';
import { asTaskError } from '../../src/http/problem.js';
import { createApiMetrics } from '../../src/metrics/api-metrics.js';
import { createPool } from '../../src/postgres/pool.js';
import { SnapshotReader } from '../../src/tasks/snapshot-reader.js';
import { seesWorker, useApi } from './support.js';

const api = useApi();

const raw = (method: string, url: string, body?: string, headers: Record<string, string> = {}) =>
  fetch(api.url + url, { method, body, headers }).then(async (response) => ({
    status: response.status,
    headers: response.headers,
    json: (await response.json()) as { code: string; status: number; instance: string; type: string; title: string },
  }));
const JSON_TYPE = { 'content-type': 'application/json' };

describe('what cannot be understood', () => {
  it.each([
    ['malformed JSON', '{"user_id":', JSON_TYPE, 400, 'invalid_request'],
    ['an empty body', '', JSON_TYPE, 400, 'invalid_request'],
    ['an array', '[]', JSON_TYPE, 400, 'invalid_request'],
    ['a text', '"x"', JSON_TYPE, 400, 'invalid_request'],
    ['null', 'null', JSON_TYPE, 400, 'invalid_request'],
    ['__proto__', '{"__proto__":{"a":1},"user_id":"ana"}', JSON_TYPE, 400, 'invalid_request'],
    ['constructor', '{"constructor":{"prototype":{}},"user_id":"ana"}', JSON_TYPE, 400, 'invalid_request'],
    [
      '__proto__ in a form',
      'user_id=ana&__proto__=x',
      { 'content-type': 'application/x-www-form-urlencoded' },
      400,
      'invalid_request',
    ],
    [
      'a field twice in a form',
      'user_id=ana&user_id=bob',
      { 'content-type': 'application/x-www-form-urlencoded' },
      400,
      'invalid_request',
    ],
    ['plain text', 'user_id=ana', { 'content-type': 'text/plain' }, 415, 'unsupported_media_type'],
    ['XML', '<a/>', { 'content-type': 'application/xml' }, 415, 'unsupported_media_type'],
    ['2 MiB of JSON', JSON.stringify({ user_id: 'x'.repeat(2 << 20) }), JSON_TYPE, 413, 'file_too_large'],
  ])('%s', async (_what, body, headers, status, code) => {
    for (const url of ['/upload/start', '/download/start', '/upload/pause']) {
      const answer = await raw('POST', url, body, headers);
      expect([answer.status, answer.json.code, answer.json.status]).toEqual([status, code, status]);
      expect(answer.headers.get('content-type')).toBe('application/problem+json');
      expect(answer.json).toMatchObject({ type: `urn:long-task:problem:${code}`, instance: url });
    }
  });

  it('a form with a file where none is allowed', async () => {
    const form = new FormData();
    form.append('user_id', 'ana');
    expect((await fetch(`${api.url}/upload/pause`, { method: 'POST', body: form })).status).toBe(415);
  });

  it('addresses and methods', async () => {
    expect((await raw('GET', '/nothing')).json).toMatchObject({ status: 404, code: 'not_found', instance: '/nothing' });
    expect((await raw('GET', '/tasks/other/x?user_id=ana')).status).toBe(404);
    const wrong = await raw('GET', '/upload/start/?user_id=secret');
    expect([wrong.status, wrong.headers.get('allow'), wrong.json.instance]).toEqual([405, 'POST', '/upload/start/']);
    expect((await raw('PUT', '/tasks/upload/x?user_id=ana')).headers.get('allow')).toBe('DELETE, GET, HEAD');
    expect((await raw('GET', '/tasks/upload/%E0%A4%A?user_id=ana')).json).toMatchObject({
      status: 400,
      code: 'invalid_request',
    });
    expect((await raw('GET', '/tasks/upload/a%2Fb?user_id=ana')).json).toMatchObject({
      status: 400,
      code: 'invalid_request',
    });
    expect((await raw('GET', `/tasks/upload/${encodeURIComponent('𝒳'.repeat(128))}?user_id=ana`)).status).toBe(404);
  });
});

describe('what fails here', () => {
  it('tells nothing of its inside', () => {
    const inside = Object.assign(new Error('column "x" of /srv/data does not exist'), {
      code: '42703',
      stack: 'at secret.ts',
    });
    const { code, status, detail } = asTaskError(inside);
    expect([code, status]).toEqual(['internal_error', 500]);
    expect(detail).not.toMatch(/column|srv|secret/);
    expect(asTaskError(Object.assign(new Error('x'), { code: '22021' })).code).toBe('invalid_request');
  });

  it('is 503 with Retry-After while PostgreSQL is away, and live all the same', async () => {
    const pool = createPool({
      connectionString: 'postgres://ana@127.0.0.1:1/none',
      max: 1,
      applicationName: 'test',
      onError: () => {},
    });
    const sampleFile = path.resolve(import.meta.dirname, '../../sample_data.csv');
    const log = pino({ level: 'silent' });
    const app = await buildApp({
      config: { MAX_UPLOAD_BYTES: 1, RETENTION_DAYS: 30 },
      pool,
      snapshots: new SnapshotReader(pool),
      exportable: { pool, exportPool: pool, tables: [], isOneRole: true },
      commandPool: pool,
      tablePool: pool,
      store: api.store,
      temporal: api.temporal.gateway,
      log,
      metrics: createApiMetrics({ reads: pool }),
      inspections: api.inspections,
      sampleFile,
      isReady: () => true,
    });
    for (const url of ['/tasks', '/tasks/upload/x?user_id=ana', '/tasks/download/x/file?user_id=ana']) {
      const answer = await app.inject(url);
      expect([answer.statusCode, answer.json().code, answer.headers['retry-after']]).toEqual([
        503,
        'database_unavailable',
        '2',
      ]);
    }
    const pause = await app.inject({
      method: 'POST',
      url: '/upload/pause',
      payload: { user_id: 'ana', task_name: 'x' },
    });
    expect(pause.json()).toMatchObject({ status: 503, code: 'database_unavailable' });
    expect((await app.inject('/health/live')).json()).toEqual({ status: 'ok' });
    const ready = await app.inject('/health/ready');
    expect([ready.statusCode, ready.json(), ready.headers['retry-after']]).toEqual([
      503,
      { status: 'unavailable', postgres: 'down', temporal: 'up', worker: 'down' },
      '2',
    ]);
    await app.close();
    await pool.end();
  });

  it('is ready when PostgreSQL, Temporal and a worker answer', async () => {
    const up = { postgres: 'up', temporal: 'up', worker: 'up' };
    expect((await api.get('/health/ready')).json).toEqual({ status: 'ok', ...up });
    api.temporal.away = true;
    expect((await api.get('/health/ready')).json).toEqual({ status: 'unavailable', ...up, temporal: 'down' });
    api.temporal.away = false;
    await seesWorker(api.pool, 'now');
    expect((await api.get('/health/ready')).status).toBe(200);
    await api.pool.query(`UPDATE long_task.workers SET seen_at = now() - interval '20 s'`);
    const { status, json } = await api.get('/health/ready');
    expect([status, json]).toEqual([503, { status: 'unavailable', ...up, worker: 'down' }]);
    await seesWorker(api.pool, 'infinity');
  });
});
