import { describe, expect, it } from 'vitest';
import { parseRange } from '../../src/http/byte-range.js';

describe('parseRange (RFC 9110, 14.2)', () => {
  it.each([
    ['bytes=0-4', { start: 0, end: 4 }],
    ['Bytes=2-2', { start: 2, end: 2 }],
    ['bytes=5-', { start: 5, end: 9 }],
    ['bytes=-3', { start: 7, end: 9 }],
    ['bytes=-100', { start: 0, end: 9 }],
    ['bytes=8-100', { start: 8, end: 9 }],
    ['bytes = 1 - 2', { start: 1, end: 2 }],
  ])('%s of ten bytes is a range', (header, range) => {
    expect(parseRange(header, 10)).toEqual(range);
  });

  it.each(['bytes=10-', 'bytes=10-20', 'bytes=-0'])('%s of ten bytes cannot be satisfied', (header) => {
    expect(parseRange(header, 10)).toBe('unsatisfiable');
  });

  it.each([undefined, '', 'bytes=', 'bytes=-', 'bytes=5-2', 'bytes=0-1,4-5', 'rows=0-1', 'bytes=a-b'])(
    '%s is as if it were not there',
    (header) => {
      expect(parseRange(header, 10)).toBeNull();
    },
  );

  it('finds nothing in an empty file', () => {
    expect(parseRange('bytes=0-', 0)).toBe('unsatisfiable');
    expect(parseRange('bytes=-1', 0)).toBe('unsatisfiable');
  });
});
