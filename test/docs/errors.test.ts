import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { inProject } from '../../launcher/paths.js';
import { ERRORS } from '../../src/contract/errors.js';

const documented = readFileSync(inProject('docs', 'errors.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) => {
    const [code, status, retry, title, advice, ...more] = line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim());
    return { code: code!.replaceAll('`', ''), status: Number(status), retryable: retry === 'yes', title, advice, more };
  });

test('docs/errors.md tells of every error what the table in the code says, and of no other', () => {
  const inCode = Object.entries(ERRORS).map(([code, { status, title, retryable }]) => ({
    code,
    status,
    retryable,
    title,
  }));
  const inDocument = documented.map(({ code, status, retryable, title }) => ({ code, status, retryable, title }));
  expect(inDocument).toEqual(inCode);
});

test('docs/errors.md says of every error what to do', () => {
  for (const { code, advice, more } of documented) {
    expect(advice, code).toMatch(/^[A-Z`].*\.$/);
    expect(more, code).toEqual([]);
  }
});
