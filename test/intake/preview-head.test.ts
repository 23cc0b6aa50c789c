import { expect, it } from 'vitest';
import { previewHead } from '../../src/intake/preview-head.js';

it('shows the same rows of one column, blank lines too, whether the engine reads the file as it is or converted', () => {
  const rows = [[null], [null], ['bob'], [null], ['eve']];
  const file = Buffer.from('name\n\n\nbob\n\neve\n');
  for (const options of [{}, { null_values: ['none'] }, { malformed: 'repair' as const }])
    expect(previewHead(file, true, options, 9)).toMatchObject({ columns: [{ name: 'name' }], rows });
});
