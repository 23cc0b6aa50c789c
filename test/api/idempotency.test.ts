import { beforeEach, describe, expect, it } from 'vitest';
import { SAMPLE, useApi } from './support.js';

const api = useApi();

let before: number;
beforeEach(async () => {
  before = (await api.files()).length;
});

const added = async () => (await api.files()).length - before;
const file = ['file', SAMPLE, 'sales.csv'] as ['file', string, string];

describe('Idempotency-Key', () => {
  const key = { 'idempotency-key': 'key-1' };

  it('answers the same request with the same task, even when its table is there by now', async () => {
    const parts: Parameters<typeof api.form>[0] = [['user_id', 'ida'], ['table', 'ida table'], file];
    const first = await api.form(parts, key);
    await api.pool.query('CREATE TABLE public."ida table" ()');
    const again = await api.form([file, ['table', 'ida table'], ['user_id', 'ida']], key);
    expect([first.status, again.status]).toEqual([202, 202]);
    expect(again.json.task_name).toBe(first.json.task_name);
    expect(await added()).toBe(1);
  });

  it('refuses the key for another body, another file or another value', async () => {
    for (const parts of [
      [['user_id', 'ida'], ['table', 'other'], file],
      [
        ['user_id', 'ida'],
        ['table', 'ida table'],
        ['file', `${SAMPLE}Africa,3\n`, 'x.csv'],
      ],
    ] as Parameters<typeof api.form>[0][]) {
      expect((await api.form(parts, key)).json).toMatchObject({ status: 422, code: 'idempotency_key_reused' });
    }
    expect(await added()).toBe(0);
  });

  it('makes one task of fifty requests at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => api.post('/upload/start', { user_id: 'ida' }, { 'idempotency-key': 'storm' })),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    expect(new Set(answers.map(({ json }) => json.task_name)).size).toBe(1);
    expect(await added()).toBe(1);
  });

  it('may hold spaces, and must be printable ASCII of at most 255 characters', async () => {
    expect((await api.post('/upload/start', { user_id: 'ida' }, { 'idempotency-key': 'a b' })).status).toBe(202);
    for (const refused of ['\u00e4', 'x'.repeat(256)]) {
      const answer = await api.post('/upload/start', { user_id: 'ida' }, { 'idempotency-key': refused });
      expect(answer.json.errors[0].field).toBe('Idempotency-Key');
    }
  });
});
