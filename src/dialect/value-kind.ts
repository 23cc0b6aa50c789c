/** What a value looks like, for telling delimiters and headers; not what type its column gets. */
export type ValueKind = 'empty' | 'number' | 'moment' | 'word' | 'text' | 'mark';

const NUMBER = /^[-+(]?\s?(?:[$€£¥]\s?)?\d[\d.,' \u00a0\u202f]*(?:[eE][-+]?\d+)?\)?\s?(?:[%$€£¥]|EUR|USD)?$/;
const DATE = /^(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4})(?:[T ]+\d{1,2}:\d{2}.*)?$/;
const TIME = /^\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:\s?[AaPp][Mm])?$/;
const ASCII_WORD = /^[A-Za-z0-9_](?:[A-Za-z0-9_.@/#&+'()-]| (?! ))*$/;
const WORD = /^[\p{L}\p{N}_](?:[\p{L}\p{N}_.@/#&+'’()-]| (?! ))*$/u;

/** The tables of Unicode are slow to search. */
const NOT_ASCII = /[^\0-\x7f]/;

/** Returns the kind of a value: `mark` for one that holds a character which often delimits. */
export function kindOf(value: string): ValueKind {
  const text = value.trim();
  if (text === '') return 'empty';
  if (text.length > 200) return /[;\t|]/.test(text) ? 'mark' : 'text';
  const isWord = ASCII_WORD.test(text);
  // No number and no time begins with a letter.
  if (isWord && text[0]! >= 'A') return 'word';
  if (NUMBER.test(text)) return 'number';
  if (DATE.test(text) || TIME.test(text)) return 'moment';
  if (isWord || WORD.test(text)) return 'word';
  return /[;\t|^~"]|^'|'$/.test(text) ? 'mark' : 'text';
}

/** The value with each run of digits, letters and spaces as one sign: what the values of a code column share. */
export function shapeOf(value: string): string {
  const beginning = value.slice(0, 80);
  return beginning
    .replace(NOT_ASCII.test(beginning) ? /\p{L}+/gu : /[A-Za-z]+/g, 'a')
    .replace(/[0-9]+/g, '9')
    .replace(/\s+/g, ' ');
}
