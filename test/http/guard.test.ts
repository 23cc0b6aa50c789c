import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTask } from '../../src/tasks/new-task.js';
import { useApi } from '../api/support.js';

const api = useApi({
  config: {
    HOST: '10.1.2.3',
    ALLOWED_HOSTS: 'tasks.example.org, Proxy:8443',
    ALLOWED_ORIGINS: 'https://app.example.org',
  },
});
const port = () => new URL(api.url).port;

interface RawAnswer {
  status: number;
  head: string;
  body: string;
}

/** Sends the bytes as they are: a client that wrote the request itself could not send most of them. */
function raw(...lines: string[]): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(Number(port()), '127.0.0.1');
    socket.setEncoding('utf8').on('error', reject);
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('end', () => {
      const [head = '', body = ''] = text.split('\r\n\r\n', 2);
      resolve({ status: Number(head.split(' ')[1]), head: head.toLowerCase(), body });
    });
    socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  });
}

const get = (target: string, ...headers: string[]) => raw(`GET ${target} HTTP/1.1`, ...headers, 'Connection: close');

describe('the host', () => {
  it.each([
    ['127.0.0.1'],
    ['127.0.0.1:8000'],
    ['localhost:1'],
    ['LocalHost'],
    ['localhost.'],
    ['localhost.:8000'],
    ['[::1]'],
    ['[::1]:8000'],
    ['[0:0:0:0:0:0:0:1]'],
    ['10.1.2.3:8000'],
    ['tasks.example.org'],
    ['TASKS.example.org.:443'],
    ['proxy'],
  ])('%s is ours', async (host) => {
    expect((await get('/health/live', `Host: ${host}`)).status).toBe(200);
  });

  it.each([
    ['evil.example'],
    ['localhost.evil.example'],
    ['127.0.0.1.evil.example:8000'],
    ['evil.localhost'],
    ['localhost..'],
    ['0.0.0.0:8000'],
    ['[::]'],
    ['[::ffff:127.0.0.1]'],
    ['127.1'],
    ['localhost:8000@evil.example'],
    ['evil.example, localhost'],
    ['localhost/'],
    ['[::1'],
    ['::1'],
    [''],
    ['a'.repeat(300)],
  ])('%s is not', async (host) => {
    for (const target of ['/health/live', '/tasks', '/nothing', '/%E0%A4%A']) {
      const answer = await get(target, `Host: ${host}`);
      expect([answer.status, JSON.parse(answer.body).code]).toEqual([421, 'host_not_allowed']);
      expect(answer.head).toContain('content-type: application/problem+json');
      expect(answer.body).not.toContain('a'.repeat(250));
    }
  });

  it('is named once', async () => {
    for (const headers of [[], ['Host: localhost', 'Host: evil.example'], ['Host: localhost', 'host: localhost']])
      expect((await get('/tasks', ...headers)).status).toBe(421);
    expect((await raw('GET /tasks HTTP/1.0')).status).toBe(421);
  });

  it('is that of an absolute target too', async () => {
    expect((await get('http://localhost:8000/health/live', 'Host: localhost:8000')).status).toBe(200);
    for (const target of [
      'http://evil.example/health/live',
      'http://localhost:8000@evil.example/health/live',
      'http://localhost:9000/health/live',
      'HTTP://EVIL.example/tasks',
      'ftp://evil.example/tasks',
      'evil.example/tasks',
    ])
      expect([target, (await get(target, 'Host: localhost:8000')).status]).toEqual([
        target,
        expect.toSatisfy(isRefused),
      ]);
  });
});

const isRefused = (status: number) => status === 421 || status === 400;

describe('the page that a change comes from', () => {
  const send = (headers: Record<string, string>, method = 'POST') =>
    fetch(`${api.url}/upload/progress`, {
      method,
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      body: method === 'GET' ? undefined : 'user_id=ana&task_name=none',
    });
  const passes = [404, 405];

  it.each<[string, Record<string, string>]>([
    ['none: a program', {}],
    ['ours', { 'sec-fetch-site': 'same-origin', origin: 'http://127.0.0.1' }],
    ['a form that the user typed in', { 'sec-fetch-site': 'none' }],
    ['an allowed one', { 'sec-fetch-site': 'cross-site', origin: 'https://app.example.org' }],
  ])('%s passes', async (_name, headers) => {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'])
      expect(passes).toContain((await send(headers, method)).status);
  });

  it('ours passes by its Origin in a browser without Sec-Fetch-Site', async () => {
    expect((await send({ origin: api.url })).status).toBe(404);
    expect((await send({ origin: api.url.replace('127.0.0.1', 'LOCALHOST') })).status).toBe(403);
  });

  it.each<[string, Record<string, string>]>([
    ['cross-site', { 'sec-fetch-site': 'cross-site' }],
    ['same-site', { 'sec-fetch-site': 'same-site', origin: 'http://127.0.0.1:1' }],
    ['two sites', { 'sec-fetch-site': 'none, cross-site' }],
    ['a word we do not know', { 'sec-fetch-site': 'other' }],
    ['another origin', { origin: 'https://evil.example' }],
    ['another port', { origin: 'http://127.0.0.1:1' }],
    ['a sandboxed frame', { origin: 'null' }],
    ['a sandboxed frame of a new browser', { 'sec-fetch-site': 'cross-site', origin: 'null' }],
    ['an origin that begins like an allowed one', { origin: 'https://app.example.org.evil.example' }],
    ['an allowed one by another scheme', { origin: 'http://app.example.org' }],
  ])('%s does not', async (_name, headers) => {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      const answer = await send(headers, method);
      expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([403, 'cross_site_request']);
    }
  });

  it('may read only where the browser does not call it cross-site', async () => {
    const read = (headers: Record<string, string>, path = '/tasks') =>
      get(path, 'Host: localhost', ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`));
    expect((await read({ 'sec-fetch-site': 'same-site' })).status).toBe(200);
    expect((await read({ 'sec-fetch-site': 'cross-site' })).status).toBe(403);
    const visit = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
    expect((await read(visit)).status).toBe(403);
    expect((await read(visit, '/')).status).not.toBe(403);
    expect((await read({ ...visit, 'sec-fetch-dest': 'iframe' }, '/')).status).toBe(403);
    expect((await read({ 'sec-fetch-site': 'cross-site', origin: 'https://app.example.org' })).status).toBe(200);
  });
});

describe('CORS', () => {
  const preflight = (origin: string) =>
    fetch(`${api.url}/upload/start`, {
      method: 'OPTIONS',
      headers: {
        origin,
        'sec-fetch-site': 'cross-site',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'idempotency-key',
      },
    });
  const corsOf = (answer: Response) => [...answer.headers.keys()].filter((name) => name.startsWith('access-control'));

  it('is for the allowed origin alone, by its name and without credentials', async () => {
    const allowed = await preflight('https://app.example.org');
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get('access-control-allow-origin')).toBe('https://app.example.org');
    expect(allowed.headers.get('access-control-allow-headers')).toBe('idempotency-key');
    expect(allowed.headers.get('access-control-allow-credentials')).toBeNull();
    const read = await fetch(`${api.url}/tasks`, { headers: { origin: 'https://app.example.org' } });
    expect(read.headers.get('access-control-allow-origin')).toBe('https://app.example.org');
    expect(read.headers.get('vary')).toBe('Origin');
    const failed = await fetch(`${api.url}/nothing`, { headers: { origin: 'https://app.example.org' } });
    expect(failed.headers.get('access-control-allow-origin')).toBe('https://app.example.org');
  });

  it.each([['https://evil.example'], ['null'], [''], ['https://app.example.org.evil.example']])(
    'is not for %j',
    async (origin) => {
      const answer = await preflight(origin);
      expect([corsOf(answer), answer.status]).toEqual([[], 404 + Number(answer.status === 405)]);
      expect(corsOf(await fetch(`${api.url}/tasks`, { headers: { origin } }))).toEqual([]);
    },
  );
});

describe('every answer', () => {
  it('is for its own origin and of the type that it says', async () => {
    for (const path of ['/health/live', '/tasks', '/nothing', '/%E0%A4%A']) {
      const { headers } = await fetch(api.url + path);
      expect(headers.get('cross-origin-resource-policy')).toBe('same-origin');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
    }
    const { status, head } = await raw('GET / HTTP/9.9');
    expect(status).toBe(400);
    expect(head).toContain('cross-origin-resource-policy: same-origin');
    expect(head).toContain('x-content-type-options: nosniff');
  });
});

describe('each route', () => {
  const attacks: [string, number, Record<string, string>][] = [
    ['a host that is not ours', 421, { host: 'evil.example' }],
    ['a name that leads here', 421, { host: `rebound.example:1`, 'sec-fetch-site': 'same-origin' }],
    ['a form of another site', 403, { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }],
    ['a page without an origin', 403, { 'sec-fetch-site': 'cross-site', origin: 'null' }],
  ];
  let before: unknown;
  const state = async () => (await api.pool.query('SELECT id, state, version, epoch FROM long_task.tasks')).rows;

  beforeEach(async () => {
    await api.pool.query('DELETE FROM long_task.tasks');
    for (const kind of ['upload', 'download'] as const) {
      const options = { table: 'public.x', consistency: 'live', formulas: 'raw', max_rejects: 0, on_limit: 'pause' };
      await createTask(api.pool, { kind, userId: 'ana', taskName: 'x', options } as Parameters<typeof createTask>[1]);
    }
    before = await state();
  });
  afterEach(async () => expect(await state()).toEqual(before));

  it('refuses what it must, and lets through what it may', async () => {
    const routes = routesOf(api.app.printRoutes({ commonPrefix: false }));
    expect(routes.length).toBeGreaterThan(10);
    for (const { method, url } of routes) {
      const request = { method, url: `${url}?user_id=ana`, payload: method === 'GET' ? undefined : {} };
      for (const [name, status, headers] of attacks) {
        const answer = await api.app.inject({ ...request, headers } as never);
        expect([method, url, name, answer.statusCode]).toEqual([method, url, name, status]);
      }
      const fine = await api.app.inject({ ...request, headers: { host: 'localhost:8000' } } as never);
      expect([method, url, [421, 403].includes(fine.statusCode)]).toEqual([method, url, false]);
    }
  });
});

/** Reads Fastify's own list: a tree in which each level continues the address of the one above it. */
function routesOf(tree: string): { method: string; url: string }[] {
  const path: string[] = [];
  return tree.split('\n').flatMap((line) => {
    const match = /^([│ ]*)[├└]── (\S*)(?: \((.*)\))?$/u.exec(line);
    if (!match) return [];
    const depth = match[1]!.length / 4;
    path.splice(depth, Number.POSITIVE_INFINITY, match[2]!);
    const url = path.join('').replace(/:kind/g, 'upload').replace(/:\w+/g, 'x');
    return (match[3] ?? '')
      .split(', ')
      .filter((method) => method && method !== 'HEAD')
      .map((method) => ({ method, url: url || '/' }));
  });
}
