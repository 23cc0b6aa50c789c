import { DELIMITERS } from '../contract/marks.js';
import { columnLooks } from './column-looks.js';
import { kindOf } from './value-kind.js';
import type { Candidate } from './wording-candidates.js';

export const USUAL: readonly string[] = DELIMITERS;
/** They occur in values: between words, in times, addresses and URLs. */
export const RARE: readonly string[] = [' ', ':', '::'];

const MOST = 0.8;

/**
 * Returns whether a reading can be right. By a rare delimiter it can where the first record has as many fields as the
 * others, no usual delimiter splits most lines, a column has a type, and the lines are not single values as a whole.
 */
export function isPossible(one: Candidate, readings: readonly Candidate[], sample: Buffer): boolean {
  const { records, columns, wording } = one;
  if (!RARE.includes(wording.delimiter)) return true;
  const [first] = records;
  if (!first || first.isFaulty || first.count !== columns || readings.some(splitsMostLines)) return false;
  return hasTypes(one) && !holdsSingleValues(one, sample);
}

/** The delimiter is a usual one and occurs in the first line, too. */
function splitsMostLines({ records, wording }: Candidate): boolean {
  const isSplit = (one: Candidate['records'][number]) => !one.isFaulty && one.count > 1;
  return (
    USUAL.includes(wording.delimiter) && isSplit(records[0]!) && records.filter(isSplit).length >= records.length * MOST
  );
}

function hasTypes({ records, columns }: Candidate): boolean {
  const even = records.slice(1).filter((one) => !one.isFaulty && one.count === columns);
  return columnLooks(
    even.map((one) => one.cells),
    columns,
  ).some(({ kind }) => kind !== null);
}

/** Returns whether the lines below the first are timestamps, addresses, telephone numbers or URLs as a whole. */
export function holdsSingleValues({ records }: Candidate, sample: Buffer): boolean {
  const values = records.length > 1 ? records.slice(1) : records;
  const single = values.filter(({ offset, next }) => isSingleValue(sample.toString('utf8', offset, next)));
  return single.length >= values.length * MOST;
}

const MOMENT =
  /^(?:[\d./-]{6,10}(?:[T ]+|$))?(?:\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?\s?(?:[ap]m)?\s?(?:Z|UTC|[A-Z]{2,4}T|[-+]\d{2}(?::?\d{2})?)?)?$/i;
const MAC = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5,7}$/i;
const IPV6 = /^(?!(?:.*::){2})(?=.*(?:::|(?:[^:]+:){7}))[0-9a-f:]{2,39}(?:%\w+|\/\d{1,3})?$/i;
const URL = /^[a-z][a-z0-9+.-]*:\/\/\S+$/i;
const TELEPHONE = /^(?:\+|\(|0)[\d ()/.-]{6,}$/;

function isSingleValue(line: string): boolean {
  const text = line.trim().replace(/^"(.*)"$/, '$1');
  if (text.length > 2000) return false;
  return (
    (kindOf(text) === 'moment' && MOMENT.test(text)) || [MAC, IPV6, URL, TELEPHONE].some((form) => form.test(text))
  );
}
