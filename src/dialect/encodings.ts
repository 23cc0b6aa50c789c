import { TextDecoder } from 'node:util';

/**
 * Returns the name of an encoding in lower case by any of its labels, undefined for one that is not read. `latin1`,
 * `iso-8859-1` and `ascii` mean windows-1252, as in the Encoding Standard of the WHATWG.
 */
export function encodingOf(label: string): string | undefined {
  const name = ALIASES[label.trim().toLowerCase()] ?? label.trim();
  try {
    return new TextDecoder(name).encoding;
  } catch {
    return undefined;
  }
}

/** Returns whether a label of UTF-16 leaves the order of its bytes to the file. */
export function isOfAnyOrder(label: string): boolean {
  return encodingOf(label) === 'utf-16le' && !/(?:le|feff)$/i.test(label.trim());
}

/** Names of encodings from other registries that the Encoding Standard does not list. */
const ALIASES: Record<string, string> = {
  cp1252: 'windows-1252',
  cp932: 'shift_jis',
  cp936: 'gbk',
  cp949: 'euc-kr',
  cp950: 'big5',
  gb2312: 'gb18030',
  'iso-8859-8-i': 'iso-8859-8',
  utf8: 'utf-8',
  'utf-16': 'utf-16le',
};

/**
 * The characters of the bytes 0x80 to 0x9F in windows-1252 (Encoding Standard, index windows-1252). An own table,
 * because `TextDecoder` of Node.js 20.18 and later 20.x reads these bytes as control characters (nodejs/node#56542).
 */
const C1 =
  '\u20ac\u0081\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\u008d\u017d\u008f' +
  '\u0090\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\u009d\u017e\u0178';

/** Returns the text of bytes in windows-1252. Every byte has a character. */
export function decodeWindows1252(bytes: Buffer): string {
  const text = bytes.toString('latin1');
  return /[\x80-\x9f]/.test(text) ? text.replace(/[\x80-\x9f]/g, (c) => C1[c.charCodeAt(0) - 0x80]) : text;
}
