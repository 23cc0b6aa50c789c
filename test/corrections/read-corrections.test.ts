import { expect, it } from 'vitest';
import { BYTES_AT_ONCE, readCorrections } from '../../src/corrections/read-corrections.js';

it('gives way to other work while it reads a long file', async () => {
  const pieces = 16;
  const rows = Array.from({ length: 4 * pieces }, (_, i) => `${i + 1},${'x'.repeat(BYTES_AT_ONCE / 4)}`);
  let turns = 0;
  let isDone = false;
  const countTurns = () => {
    turns++;
    if (!isDone) setImmediate(countTurns);
  };
  setImmediate(countTurns);
  const corrections = await readCorrections(Buffer.from(`row,raw\n${rows.join('\n')}\n`));
  isDone = true;
  expect(corrections.map(({ row }) => row)).toEqual(rows.map((_, i) => i + 1));
  expect(turns).toBeGreaterThanOrEqual(pieces - 1);
});
