import { expect, it } from 'vitest';
import type { UploadFields } from '../../src/client/client.js';
import { formatRecord } from '../../src/csv/format-record.js';
import { useService } from './service.js';

const service = useService();

/** The examples of docs/given-types.md: type, value in the file, value in the export. */
const EXAMPLES: [type: string, given: string, back: string][] = [
  ['text', ' 007 ', ' 007 '],
  ['smallint', '+5', '5'],
  ['integer', '007', '7'],
  ['bigint', '-9223372036854775808', '-9223372036854775808'],
  ['numeric', '1e3', '1000'],
  ['numeric', '1.50', '1.50'],
  ['numeric', '.5', '0.5'],
  ['real', '1.10', '1.1'],
  ['double precision', '1000000000000000000', '1e+18'],
  ['boolean', 'TRUE', 'TRUE'],
  ['boolean', 'on', 't'],
  ['date', '20240131', '2024-01-31'],
  ['date', '0044-03-15 BC', '0044-03-15 BC'],
  ['time', '10:15', '10:15'],
  ['time', '10:15:00.50', '10:15:00.5'],
  ['timestamp', '2024-01-31T10:15', '2024-01-31T10:15'],
  ['timestamp', '2024-01-31', '2024-01-31 00:00:00'],
  ['timestamptz', '2024-01-31T10:15:00+02:00', '2024-01-31T10:15:00+02:00'],
  ['uuid', '{A0EEBC999C0B4EF8BB6D6BB9BD380A11}', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'],
  ['json', '{"b": 1,"a":1.0}', '{"b": 1,"a":1.0}'],
  ['jsonb', '{"b":1.0,"a":1e2}', '{"a": 100, "b": 1.0}'],
  ['inet', '2001:DB8:0:0::1/128', '2001:db8::1'],
  ['interval', 'P1Y2M3DT4H5M6S', '1 year 2 mons 3 days 04:05:06'],
  ['bytea', '\\xDEAD', '\\xdead'],
];

it('what is accepted comes back as docs/given-types.md says', async () => {
  const names = EXAMPLES.map(([type], i) => `${type} ${i}`);
  const file = (column: 1 | 2) =>
    `${formatRecord(names, ',')}\n${formatRecord(
      EXAMPLES.map((example) => example[column]),
      ',',
    )}\n`;
  const columns = Object.fromEntries(EXAMPLES.map(([type], i) => [names[i], type]));
  const task = await service.uploaded(file(1), { columns: columns as UploadFields['columns'] });
  expect(await service.exported({}, task.task_name)).toBe(file(2));
});

it('values of several forms come back as PostgreSQL writes them', async () => {
  const content = 'b,at\nTRUE,2024-01-31T10:15:00+02:00\nno,2024-01-31T08:15:00Z\n';
  const columns = { b: 'boolean', at: 'timestamptz' } as const;
  const task = await service.uploaded(content, { columns });
  const back = 'b,at\nt,2024-01-31 08:15:00+00\nf,2024-01-31 08:15:00+00\n';
  expect(await service.exported({}, task.task_name)).toBe(back);
});

it.each([
  ['id,started\n1,03/02/2020\n2,01/11/2019\n3,07/06/2021\n', { started: 'date' }, 'started'],
  ['id,a\n1,2024-08-20T10:15:00+02:00\n2,2024-08-21T11:15:00+02:00\n3,2024-08-20T10:15:00Z\n', { a: 'timestamp' }, 'a'],
])('what would be guessed at or altered is a reject: %j', async (content, columns, column) => {
  const key = await service.upload(content, { columns: columns as UploadFields['columns'] });
  const paused = await service.client.waitFor(key, ['paused']);
  expect(paused.error).toMatchObject({ code: 'reject_limit', row: 1, column });
  await fetch(`${service.client.api}/upload/resume`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ user_id: 'ana', task_name: key.task_name, max_rejects: 3 }),
  });
  const { receipt } = await service.client.waitFor(key, ['completed']);
  expect(receipt).toMatchObject({ rows_in_file: 3, rows_loaded: 0, rows_rejected: 3 });
});
