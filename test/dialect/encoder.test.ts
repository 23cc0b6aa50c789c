import { expect, test } from 'vitest';
import { Decoder } from '../../src/dialect/decoder.js';
import { encodeText } from '../../src/dialect/encoder.js';

test.each([
  ['utf-8', 'a é € 😀 漢'],
  ['utf-16le', 'a é € 😀 漢'],
  ['utf-16be', 'a é € 😀 漢'],
  ['windows-1252', 'a é € „x“ ß'],
  ['iso-8859-2', 'a łąę'],
  ['koi8-r', 'Привет'],
  ['shift_jis', 'a ｱ 漢字 テスト ～ ①'],
  ['gb18030', 'a 汉字 测试'],
  ['big5', 'a 漢字 測試'],
  ['euc-kr', 'a 한국어'],
])('text in %s is decoded to the same text', (encoding, text) => {
  const decoder = new Decoder(encoding);
  expect(decoder.write(encodeText(text, encoding)) + decoder.end()).toBe(text);
});

test('a character that the encoding does not have is an error that names it', () => {
  expect(() => encodeText('漢', 'windows-1252')).toThrow('U+6F22, which windows-1252 cannot hold');
});

test('bytes of windows-1252 are the Euro sign and the quotes of Windows', () => {
  expect(encodeText('€“”', 'windows-1252')).toEqual(Buffer.of(0x80, 0x93, 0x94));
});
