import { expect, it } from 'vitest';
import { previewHead } from '../../src/intake/preview-head.js';

it('shows the same rows of one column, blank lines too, whether the engine reads the file as it is or converted', () => {
  const rows = [[null], [null], ['bob'], [null], ['eve']];
  const file = Buffer.from('name\n\n\nbob\n\neve\n');
  for (const options of [{}, { null_values: ['none'] }, { malformed: 'repair' as const }])
    expect(previewHead(file, true, options, 9)).toMatchObject({ columns: [{ name: 'name' }], rows });
});

it.each([
  ['\n\n\n', {}],
  ['\n\n\n', { header_rows: 0 }],
  ['\n\n\n', { delimiter: '^' }],
  ['\n\n\n', { skip_lines: 5 }],
])('refuses %j as empty, with %j given', (text, dialect) => {
  expect(() => previewHead(Buffer.from(text), true, { dialect }, 9)).toThrow(
    expect.objectContaining({ code: 'empty_file' }),
  );
});

it('refuses to skip all lines, and says how many there are', () => {
  expect(() => previewHead(Buffer.from('a,b\n1,2\n'), true, { dialect: { skip_lines: 5 } }, 9)).toThrow(
    expect.objectContaining({ code: 'unsupported_dialect', message: expect.stringMatching(/skip_lines 5 .* 2 lines/) }),
  );
});

it('takes time in proportion to a title above the header', () => {
  const file = Buffer.from(`${'x'.repeat(100_000)}\na,b,c\n1,2,3\n4,5,6\n`);
  const began = performance.now();
  expect(previewHead(file, true, {}, 9)).toMatchObject({ dialect: { skip_lines: 1 }, question: null });
  expect(performance.now() - began).toBeLessThan(1000);
});
