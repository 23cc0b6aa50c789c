import { expect, it } from 'vitest';
import { ActionsBody, ListQuery } from '../../src/contract/operator-requests.js';
import { DownloadStart, UploadStart } from '../../src/contract/requests.js';
import { typedFields } from '../../src/http/form-fields.js';

const KINDS = [
  ['boolean', 'true', true],
  ['integer', '12', 12],
  ['object', '{"a":1}', { a: 1 }],
  ['array', '["a"]', ['a']],
] as const;

it.each([
  ['tasks/actions', ActionsBody],
  ['tasks', ListQuery],
  ['upload/start', UploadStart],
  ['download/start', DownloadStart],
])('gives each field of %s that is no text its type', (_route, schema) => {
  for (const [name, { type }] of Object.entries(schema.properties as Record<string, { type?: unknown }>)) {
    const [, text, value] = KINDS.find(([kind]) => kind === type) ?? [];
    if (text !== undefined) expect([name, typedFields({ [name]: text })[name]]).toEqual([name, value]);
  }
});
