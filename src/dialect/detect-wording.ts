import type { GivenDialect, Newline } from './file-dialect.js';
import type { Wording } from './grammar.js';
import { isPossible, RARE, USUAL } from './rare-delimiter.js';
import { hasSingleQuotes } from './single-quotes.js';
import {
  type Candidate,
  delimitersIn,
  judge,
  LEAST_SHARE,
  type WordingInput,
  wordingOf,
} from './wording-candidates.js';
import { questionOf, warningsOf } from './wording-remarks.js';

export interface WordingVerdict {
  best: Candidate;
  warnings: string[];
  /** Set where no reading can be trusted: what to ask. */
  question: string | null;
}

/** What `LEAST_SHARE` is for a delimiter that occurs in values. */
const RARE_SHARE = 0.8;

/** Finds delimiter, quote, escape, newline and skip_space: of all readings the one with the highest score. */
export function detectWording(input: WordingInput): WordingVerdict {
  const { given, newlines } = input;
  const plain = given.newline ?? newlines[0];
  const readings = firstReadings(input, plain);
  const isGiven = given.delimiter !== undefined;
  const possible = byScore(readings.filter((one) => isGiven || isPossible(one, readings, input.sample)));
  const first = isGiven ? possible[0]! : (possible.find(isTrusted) ?? ofOneColumn(input, plain));
  let chosen = refine(input, first);
  const mixed =
    given.newline === undefined && newlines.includes('mixed') ? refine(input, mixedOf(input, chosen)) : null;
  if (mixed && mixed.share >= chosen.share && mixed.records.length > chosen.records.length && mixed.columns > 1)
    chosen = mixed;
  const others = chosen.columns > 1 ? possible.filter((one) => one !== first) : byScore(readings);
  return { best: chosen, warnings: warningsOf(input, chosen, others), question: questionOf(input, chosen) };
}

/** A reading by a rare delimiter whose records do not agree is none: such a file has one column. */
function isTrusted({ columns, share, wording: { delimiter } }: Candidate): boolean {
  if (columns < 2 || USUAL.includes(delimiter)) return columns > 1;
  return share >= (RARE.includes(delimiter) ? RARE_SHARE : LEAST_SHARE);
}

/** Returns whether a delimiter has neither the quote nor the escape that is given. */
export function canDelimit(delimiter: string, { quote, escape: escapedBy }: GivenDialect): boolean {
  return [quote, escapedBy].every((mark) => !mark || !delimiter.includes(mark));
}

/**
 * The reading of a file that no delimiter splits: by a usual one that splits the header alone, whose rows are rejected
 * then, else by the one that occurs in the fewest records.
 */
function ofOneColumn({ sample, final, given }: WordingInput, newline: Newline): Candidate {
  const { quote = '"', skip_space = false } = given;
  const changes = { quote, escape: given.escape !== undefined ? given.escape : quote, skip_space };
  const usual = USUAL.filter((one) => canDelimit(one, given));
  const readings = usual.map((delimiter) => judge(sample, final, wordingOf(delimiter, newline, changes)));
  const splitsHeader = readings.find(({ records }) => records[0] && !records[0].isFaulty && records[0].count > 1);
  if (splitsHeader) return splitsHeader;
  const whole = readings.map(({ records }) => records.filter((one) => !one.isFaulty && one.count === 1).length);
  return readings[whole.indexOf(Math.max(...whole))]!;
}

function firstReadings(input: WordingInput, newline: Newline): Candidate[] {
  const { given, sample, text, final } = input;
  const found = () => delimitersIn(text).filter((one) => canDelimit(one, given));
  const delimiters = given.delimiter !== undefined ? [given.delimiter] : found();
  if (delimiters.length === 0) delimiters.push(...USUAL.filter((one) => canDelimit(one, given)).slice(0, 1));
  const quotes = given.quote !== undefined ? [given.quote] : quotesIn(text, given.delimiter);
  const readings: Candidate[] = [];
  for (const delimiter of delimiters)
    for (const quote of quotes) {
      const changes = { quote, escape: given.escape !== undefined ? given.escape : quote };
      const skip_space = given.skip_space ?? false;
      const reading = judge(sample, final, wordingOf(delimiter, newline, { ...changes, skip_space }));
      readings.push(reading);
      if (given.skip_space === undefined && hasSpaces(text, delimiter)) readings.push(...withoutSpaces(input, reading));
    }
  return readings;
}

/** `'` counts as a quote where it opens a field at all and delimits none; `"` always does. */
function quotesIn(text: string, delimiter = ''): ('"' | "'")[] {
  return !delimiter.includes("'") && hasSingleQuotes(text) ? ['"', "'"] : ['"'];
}

function hasSpaces(text: string, delimiter: string): boolean {
  return delimiter !== ' ' && text.includes(`${delimiter} `);
}

/**
 * Returns the reading that skips spaces: where a space follows every delimiter, in the header too, or where quotes fit
 * only so. Else a space is data.
 */
function withoutSpaces({ sample, final }: WordingInput, { wording, records, faults }: Candidate): Candidate[] {
  const isSpaced = records.length > 1 && isSpacedThroughout(records.slice(0, 1)) && isSpacedThroughout(records);
  if (!isSpaced && faults === 0) return [];
  const skipping = judge(sample, final, { ...wording, skip_space: true });
  return isSpaced || skipping.faults < faults ? [skipping] : [];
}

function isSpacedThroughout(records: Candidate['records']): boolean {
  const cells = records.flatMap((one) => one.cells.slice(1)).filter((cell) => cell !== '');
  return cells.length > 0 && cells.filter((cell) => cell.startsWith(' ')).length >= cells.length * 0.9;
}

/** A space, a colon and a caret occur in values: they must read the file better by far. */
function byScore(readings: Candidate[]): Candidate[] {
  // Words stand between spaces: a usual delimiter that splits every record alike takes precedence.
  const isUsual = readings.some((one) => one.share === 1 && one.columns > 1 && USUAL.includes(one.wording.delimiter));
  const weight = (one: Candidate) => {
    const { delimiter, quote, skip_space } = one.wording;
    const rarity = RARE.includes(delimiter) ? (isUsual ? 0 : 0.6) : 1;
    // A reading that has no quoted field is as good without its quote, `"` being the usual one.
    const quoting = quote === "'" && one.quotedCount < 2 ? 0.5 : 1;
    return one.score * rarity * quoting * (skip_space ? spaceWeight(one) : 1);
  };
  return [...readings].sort((a, b) => weight(b) - weight(a));
}

/** Spaces are skipped where each delimiter has one, or where they precede quotes. */
function spaceWeight({ wording, records }: Candidate): number {
  const even = records.filter((one) => !one.isFaulty);
  return even.length > 0 && wording.skip_space ? 1.001 : 0;
}

/** Tries other escapes, and no quotes at all, where the quotes of the reading are not all right. */
function refine(input: WordingInput, first: Candidate): Candidate {
  const { given, sample, final, text } = input;
  let best = first;
  const tryOut = (changes: Partial<Wording>, isBetter: (one: Candidate) => boolean) => {
    const one = judge(sample, final, { ...first.wording, ...changes });
    if (isBetter(one)) best = one;
  };
  const even = (one: Candidate) => one.records.filter((r) => !r.isFaulty && r.count === one.columns).length;
  if (given.quote === undefined && best.quotedCount === 0 && best.faults > 1) {
    tryOut(
      { quote: null, escape: given.escape ?? null },
      (one) => even(one) > even(best) && one.columns >= best.columns && one.columns > 1,
    );
  }
  if (given.escape === undefined && best.wording.quote !== null) {
    const { quote } = best.wording;
    const gains = (one: Candidate) => one.columns >= best.columns && even(one) >= even(best) + 2;
    if (!best.wording.delimiter.includes('\\') && text.includes(`\\${quote}`)) {
      const wins = (one: Candidate) => one.columns >= best.columns && even(one) > even(best);
      tryOut({ escape: '\\' }, wins);
    }
    if (best.wording.escape !== '\\' && best.faults >= 2 && !hasDoubledQuotes(first, quote, sample))
      tryOut({ escape: null }, gains);
    if (quote === "'" && best.wording.escape === "'" && text.includes('""') && !text.includes("''"))
      tryOut({ escape: '"' }, (one) => even(one) >= even(best));
  }
  return best;
}

/** Whether well-formed records have doubled quotes inside of values, so that quotes are doubled in this file. */
function hasDoubledQuotes({ records }: Candidate, quote: string, sample: Buffer): boolean {
  const inside = new RegExp(`[^${quote}]${quote}${quote}[^${quote},;\\t|\\r\\n]`);
  return records.some(
    (one) => !one.isFaulty && one.quotedCount > 0 && inside.test(sample.toString('utf8', one.offset, one.next)),
  );
}

function mixedOf({ sample, final }: WordingInput, { wording }: Candidate): Candidate {
  return judge(sample, final, { ...wording, newline: 'mixed' });
}
