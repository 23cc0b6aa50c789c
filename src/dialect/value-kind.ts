/** What a value looks like, for telling delimiters and headers; not what type its column gets. */
export type ValueKind = 'empty' | 'number' | 'moment' | 'word' | 'text' | 'mark';

const NUMBER = /^[-+(]?\s?(?:[$€£¥]\s?)?\d[\d.,' \u00a0\u202f]*(?:[eE][-+]?\d+)?\)?\s?(?:[%$€£¥]|EUR|USD)?$/;
const DATE = /^(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4})(?:[T ]+\d{1,2}:\d{2}.*)?$/;
const TIME = /^\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:\s?[AaPp][Mm])?$/;
const WORD = /^[\p{L}\p{N}_](?:[\p{L}\p{N}_.@/#&+'’()-]| (?! ))*$/u;

/** Returns the kind of a value: `mark` for one that holds a character which often delimits. */
export function kindOf(value: string): ValueKind {
  const text = value.trim();
  if (text === '') return 'empty';
  if (text.length > 200) return /[;\t|]/.test(text) ? 'mark' : 'text';
  if (NUMBER.test(text)) return 'number';
  if (DATE.test(text) || TIME.test(text)) return 'moment';
  if (WORD.test(text)) return 'word';
  return /[;\t|^~"]|^'|'$/.test(text) ? 'mark' : 'text';
}

/** The value with each run of digits, letters and spaces as one sign: what the values of a code column share. */
export function shapeOf(value: string): string {
  return value
    .slice(0, 80)
    .replace(/\p{L}+/gu, 'a')
    .replace(/[0-9]+/g, '9')
    .replace(/\s+/g, ' ');
}
