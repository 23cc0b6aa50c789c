import { expect, it } from 'vitest';
import type { TaskError } from '../../src/contract/errors.js';
import { ActionsBody } from '../../src/contract/operator-requests.js';
import { CommandBody, UploadStart } from '../../src/contract/requests.js';
import { checkerOf } from '../../src/http/validation.js';

const unknown = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`extra_${i}`, 1]));

function errorsOf(schema: Parameters<typeof checkerOf>[0], value: unknown) {
  try {
    checkerOf(schema)(value);
  } catch (error) {
    return (error as TaskError).extras.errors!;
  }
  return [];
}

it.each([1, 9, 20, 2000])('names unknown fields, 20 of them at most: %i', (count) => {
  const errors = errorsOf(CommandBody, { user_id: 'ana', task_name: 'a', ...unknown(count) });
  expect(errors).toHaveLength(Math.min(count, 20));
  expect(errors[0]).toEqual({
    field: 'extra_0',
    value: 1,
    detail: expect.stringMatching(/^is not a known field; use one of .*task_name/),
  });
});

it.each([
  ['dialect', UploadStart, { user_id: 'ana', dialect: unknown(12) }, 'dialect.extra_11'],
  ['filter', ActionsBody, { action: 'pause', filter: { kind: 'upload', ...unknown(12) } }, 'filter.extra_11'],
] as const)('names unknown fields of %s', (_what, schema, value, last) => {
  const errors = errorsOf(schema, value);
  expect([errors.length, errors.at(-1)!.field]).toEqual([12, last]);
  expect(errors.at(-1)!.detail).toContain('is not a known field');
});

it('names missing and bad fields next to many unknown ones', () => {
  const fields = errorsOf(UploadStart, { task_name: '.', ...unknown(12) }).map(({ field }) => field);
  expect(fields).toEqual(expect.arrayContaining(['user_id', 'task_name', 'extra_11']));
});
