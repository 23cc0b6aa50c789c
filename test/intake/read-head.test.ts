import { describe, expect, it } from 'vitest';
import { HEAD_BYTES, readHead } from '../../src/intake/read-head.js';
import { cpuMs } from '../support/cpu-ms.js';

const read = (text: string, dialect = {}) => {
  const bytes = Buffer.from(text).subarray(0, HEAD_BYTES);
  return readHead(bytes, bytes.length < HEAD_BYTES, { dialect });
};

describe('a header that is repeated', () => {
  it.each(['a,b\n1,2\na,b\n3,4\n', 'a,b\n1,2\na,b', 'a,b\r\nxa,b\r\na,b\r\n', 'Title\n\na,b\n1,2\na,b\n'])(
    'makes %j a file that is read record by record',
    (text) => {
      expect(read(text)).toMatchObject({ headers: ['a', 'b'], plain: null });
    },
  );

  it('is a whole line', () => {
    expect(read('a,b\n1,2\nxa,b\na,bx\n').plain).not.toBeNull();
  });
});

describe('a head is read in time by its length', () => {
  const rows = '1,2,3\n4,5,6\n1,1,1\n';
  const half = 'x'.repeat(30_000);
  it.each<[string, string, object]>([
    ['with a long line above its header', `${'x'.repeat(100_000)}\na,b,c\n${rows}`, {}],
    ['with a long line that is skipped', `${'x'.repeat(100_000)}\na,b,c\n${rows}`, { skip_lines: 1 }],
    [
      'with a long name, and long values like it',
      `${half}y${half},${half}\n${`${'x'.repeat(100_000)},1\n`.repeat(9)}`,
      { header_rows: 1 },
    ],
    ['with CRs that are skipped', `${'\r'.repeat(100_000)}a,b\r1,2\r`, { skip_lines: 99_000 }],
    ['with a quote before each word', `a,b\n${" 'a".repeat(40_000)},1\n`, {}],
  ])('%s', (_what, text, dialect) => {
    expect(cpuMs(() => read(text, dialect))).toBeLessThan(1000);
  });
});
