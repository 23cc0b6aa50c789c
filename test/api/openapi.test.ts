import { createConfig, lintFromString } from '@redocly/openapi-core';
import { describe, expect, it } from 'vitest';
import { inProject } from '../../launcher/paths.js';
import { EXAMPLES } from '../../src/api/openapi-examples.js';
import { useApi } from './support.js';

const api = useApi();

interface Operation {
  method: string;
  path: string;
  operationId: string;
  summary: string;
  tags: string[];
  responses: Record<string, { content?: Record<string, object> }>;
}

async function operations(): Promise<Operation[]> {
  const { paths } = (await api.get('/openapi.json')).json as { paths: Record<string, Record<string, Operation>> };
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, one]) => ({ ...one, method, path })),
  );
}

describe('the OpenAPI document', () => {
  it('is the one in docs/openapi.json; npm run openapi writes it', async () => {
    const { json, status } = await api.get('/openapi.json');
    expect(status).toBe(200);
    const written = `${JSON.stringify(json, null, 2)}\n`;
    await expect(written).toMatchFileSnapshot(inProject('docs', 'openapi.json'));
    expect(json.openapi).toBe('3.1.0');
  });

  it('has nothing that a linter finds', async () => {
    const config = await createConfig({ extends: ['recommended-strict'], rules: { 'no-server-example.com': 'off' } });
    const source = (await api.get('/openapi.json')).text;
    const problems = await lintFromString({ source, absoluteRef: 'openapi.json', config });
    expect(problems.map(({ ruleId, message, location }) => [ruleId, message, location[0]?.pointer])).toEqual([]);
  });

  it('names every operation, what it is for, what it answers and how it fails', async () => {
    for (const { operationId, summary, tags, responses } of await operations()) {
      expect(operationId, summary).toMatch(/^[a-z][A-Za-z]+$/);
      expect(tags).toHaveLength(1);
      expect(Object.keys(responses), operationId).toEqual(expect.arrayContaining(['4XX', '5XX']));
      expect(responses['4XX']!.content).toHaveProperty(['application/problem+json']);
    }
  });

  it('has an example of each operation', async () => {
    expect((await operations()).map(({ operationId }) => operationId).sort()).toEqual(Object.keys(EXAMPLES).sort());
  });
});

async function endTasks(): Promise<void> {
  await api.pool.query(`UPDATE long_task.tasks SET state = 'terminated', finished_at = now()`);
}

it('every example is answered as the document says', async () => {
  const all = await operations();
  await api.appPool.query('CREATE TABLE public.sales (id bigint PRIMARY KEY)');
  for (const [id, { path = {}, query, body, status }] of Object.entries(EXAMPLES)) {
    const { method, path: template } = all.find(({ operationId }) => operationId === id)!;
    // No worker takes part, so that each task stays where the example before has left it.
    if (method === 'delete') await endTasks();
    const address = template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(path[name]!));
    const url = query ? `${address}?${new URLSearchParams(query)}` : address;
    const answer = await { get: api.get, delete: api.delete, post: (target: string) => api.post(target, body!) }[
      method as 'get' | 'post' | 'delete'
    ](url);
    expect([id, answer.status, answer.text.slice(0, 300)]).toEqual([id, status, expect.anything()]);
  }
});
