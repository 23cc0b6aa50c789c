import { describe, expect, it } from 'vitest';
import { linesDecoder } from '../../src/dialect/decode-lines.js';

describe('lines of a single-byte encoding', () => {
  it.each([0, 1, 2, 3])('of any length are decoded at offset %i of their memory', (offset) => {
    const memory = Buffer.alloc(offset + 64);
    for (let length = 0; length <= 40; length++) {
      const line = memory.subarray(offset, offset + length).fill(0xe1);
      if (length > 30) line.fill('a', 0, 30);
      const text = 'a'.repeat(length > 30 ? 30 : 0).padEnd(length, 'б');
      expect(linesDecoder('windows-1251')(line)).toEqual({ text: Buffer.from(text), bad: [] });
    }
  });

  it('are decoded each by itself where one has a byte that is not of the encoding', () => {
    const { text, bad } = linesDecoder('windows-1253')(
      Buffer.from('a,b\r\n1,\xe1\xe2\xd2\xe3\r\n2,\xe1\r\n', 'latin1'),
    );
    expect(text.toString()).toBe('a,b\r\n1,αβ\ufffdγ\r\n2,α\r\n');
    expect(bad.map(({ from, to }) => text.toString('utf8', from, to))).toEqual(['1,αβ\ufffdγ\r']);
  });
});
