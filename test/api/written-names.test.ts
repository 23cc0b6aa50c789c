import { describe, expect, it } from 'vitest';
import { checkNameLength, generateTaskName, parseTableName } from '../../src/api/names.js';

describe('a task name that the service makes', () => {
  it.each([
    ['sales.csv', 'sales'],
    ['My Sales (final).csv', 'My Sales -final'],
    ['../../etc/passwd', 'etc-passwd'],
    ['año 2026.tsv', 'año 2026'],
    ['.csv', 'task'],
    ['???', 'task'],
    ['é'.normalize('NFD'), 'é'.normalize('NFC')],
    ['x'.repeat(300), 'x'.repeat(100)],
  ])('of %s begins with %s and ends in six characters', (from, base) => {
    const name = generateTaskName(from);
    expect(name.slice(0, -7)).toBe(base);
    expect(name.slice(-7)).toMatch(/^-[a-km-z2-9]{6}$/);
  });
});

describe('a table that a caller writes', () => {
  it.each([
    ['public.sales', { name: 'public', quoted: false }, { name: 'sales', quoted: false }],
    ['"My schema"."a.b"', { name: 'My schema', quoted: true }, { name: 'a.b', quoted: true }],
    ['public."say ""hi"""', { name: 'public', quoted: false }, { name: 'say "hi"', quoted: true }],
  ])('%s is read as SQL reads it', (text, schema, table) => {
    expect(parseTableName(text)).toEqual({ schema, table });
  });

  it.each(['sales', 'a.b.c', '.sales', 'public.', '"a".b"', '""."b"', ''])('%s is refused by its field', (text) => {
    expect(() => parseTableName(text)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });
});

it('user and task name together fit into a workflow id', () => {
  const key = { kind: 'upload', userId: 'u'.repeat(128), taskName: 't'.repeat(128) } as const;
  expect(() => checkNameLength(key)).not.toThrow();
  expect(() => checkNameLength({ ...key, userId: '😀'.repeat(128), taskName: '😀'.repeat(128) })).toThrow(
    expect.objectContaining({ code: 'invalid_request' }),
  );
});
