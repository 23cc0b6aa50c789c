import { describe, expect, it } from 'vitest';
import type { Reading } from '../../src/contract/task.js';
import { recordReader } from '../../src/corrections/read-record.js';

function read(encoding: string, columns: number, raw: Buffer): string {
  const reading: Reading = {
    encoding,
    wording: { delimiter: ',', quote: '"', escape: null, newline: '\n', skip_space: false },
    columns,
    malformed: 'quarantine',
    trailingDelimiter: false,
    looks: [],
    dataStart: 0,
    fields: Array.from({ length: columns }, (_, field) => ({ field, nulls: [] })),
  };
  const { text, fault } = recordReader(reading)(raw);
  return fault ? fault.code : text.toString().trimEnd();
}

const utf16 = (text: string) => Buffer.from(text, 'utf16le');

describe('a corrected record', () => {
  it.each([
    ['iso-2022-jp', Buffer.from('\x1b$B4A;z\x1b(B,x', 'latin1'), '漢字,x'],
    ['iso-2022-jp', Buffer.from('漢字,x'), '漢字,x'],
    ['iso-2022-jp', Buffer.from('plain,x'), 'plain,x'],
    ['shift_jis', Buffer.of(0x8a, 0xbf, 0x2c, 0x78), '漢,x'],
    ['utf-16le', utf16('公,愠'), '公,愠'],
    ['utf-16be', utf16('公,愠').swap16(), '公,愠'],
    ['utf-16le', Buffer.from('公,愠'), '公,愠'],
    ['utf-16le', Buffer.from('even,x'), 'even,x'],
  ])('is read in %s or in UTF-8: %o', (encoding, raw, text) => {
    expect(read(encoding, 2, raw)).toBe(text);
  });

  it.each([
    [utf16('中文'), '中文'],
    [utf16('"公"'), '公'],
    [utf16('plain'), 'plain'],
    [Buffer.from('odd'), 'odd'],
    // The bytes of one character in UTF-16, of two letters in UTF-8.
    [utf16('公'), 'invalid_utf8'],
  ])('of one column in a file of UTF-16 is read, unless it can be read in two ways: %o', (raw, text) => {
    expect(read('utf-16le', 1, raw).replaceAll('"', '')).toBe(text);
  });
});
