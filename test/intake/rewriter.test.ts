import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Reading } from '../../src/contract/task.js';
import { linesDecoder } from '../../src/dialect/decode-lines.js';
import { Rewriter } from '../../src/intake/rewriter.js';

const WORDING: Reading['wording'] = { delimiter: ',', quote: "'", escape: "'", newline: '\n', skip_space: false };

const WORDINGS: Reading['wording'][] = [
  WORDING,
  { ...WORDING, escape: null },
  { ...WORDING, escape: '\\' },
  { ...WORDING, quote: '"', escape: '\\' },
  { ...WORDING, quote: '"', escape: '"' },
];

function readingOf(wording: Reading['wording']): Reading {
  const fields = [0, 1].map((field) => ({ field, nulls: [] }));
  const shape = { columns: 2, trailingDelimiter: false, looks: [], dataStart: 0, fields };
  return { encoding: 'utf-8', wording, malformed: 'quarantine', ...shape };
}

/** The text that is written and the rows that cannot be read, of a file that comes in blocks of so many lines. */
function rewritten(lines: string[], wording: Reading['wording'], most: number): { text: string; unread: number[] } {
  const rewriter = new Rewriter(readingOf(wording));
  const decode = linesDecoder('utf-8');
  const blocks = [];
  for (let from = 0, offset = 0; from < lines.length; from += most) {
    const source = Buffer.from(lines.slice(from, from + most).join(''));
    blocks.push(rewriter.take({ ...decode(source), source, sourceOffset: offset }));
    offset += source.length;
  }
  blocks.push(rewriter.take(null));
  const text = Buffer.concat(blocks.map((block) => block.text)).toString();
  return { text, unread: blocks.flatMap(({ unread }) => unread.map(({ row }) => row)) };
}

it('writes the same records however the lines come, also where quotes are opened and not closed', () => {
  const piece = fc.constantFrom("'", "''", '"', ',', 'a', '\\', "\\'", ' ');
  const line = fc.array(piece, { maxLength: 8 }).map((pieces) => `${pieces.join('')}\n`);
  fc.assert(
    fc.property(fc.array(line, { minLength: 1, maxLength: 60 }), fc.constantFrom(...WORDINGS), (lines, wording) => {
      const whole = rewritten(lines, wording, lines.length);
      for (const most of [1, 3, 20]) expect(rewritten(lines, wording, most)).toEqual(whole);
    }),
    { numRuns: 3000 },
  );
});

it.each(WORDINGS)(
  'a file whose every line opens a quote is searched once for the quote that closes it: %j',
  (wording) => {
    const line = `1,${wording.quote}abc\n`;
    const { unread } = rewritten(
      Array.from({ length: 300_000 }, () => line),
      wording,
      30_000,
    );
    expect(unread.length).toBeGreaterThan(299_000);
  },
);
