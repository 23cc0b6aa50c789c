import { DELIMITERS } from '../contract/marks.js';

const QUOTE = "'";
/** The signs before a quote that opens a field, and after one that closes it. */
const BORDERS = new Set([...DELIMITERS, ...'^~: \r\n']);
/** No field holds them after a quote inside. */
const SEPARATORS = new Set<string>(DELIMITERS);

/**
 * Returns whether `'` quotes a field of a text: one quote opens it, another one closes it in the same line, and any
 * between them have text around them, as in `'it's'`. Takes time by the length of the text.
 */
export function hasSingleQuotes(text: string): boolean {
  let canClose = false;
  let last = text.indexOf(QUOTE);
  for (;;) {
    const next = last < 0 ? -1 : text.indexOf(QUOTE, last + 1);
    if (next < 0) return false;
    const opens: boolean = last === 0 || BORDERS.has(text[last - 1]!);
    const continues: boolean = opens || (canClose && next > last + 1);
    canClose = continues && reaches(text, last + 1, next, opens);
    if (canClose && (next + 1 === text.length || BORDERS.has(text[next + 1]!))) return true;
    last = next;
  }
}

/** Whether a field continues from one quote to the next: after the one that opens it also over separators. */
function reaches(text: string, from: number, to: number, opens: boolean): boolean {
  for (let at = from; at < to; at++) {
    const sign = text[at]!;
    if (sign === '\r' || sign === '\n' || (!opens && SEPARATORS.has(sign))) return false;
  }
  return true;
}
