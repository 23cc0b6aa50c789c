import { DELIMITERS } from '../contract/marks.js';
import { FieldList } from './field-list.js';
import type { GivenDialect, Newline } from './file-dialect.js';
import { lineEnd, newlineAt, textGrammar, type Wording } from './grammar.js';
import { RecordParser } from './read-record.js';
import { kindOf } from './value-kind.js';

/** The supported delimiters; of two with equal scores, the earlier one wins. */
const POSSIBLE = [...DELIMITERS, '^', '~', ':', '\x1f', '\x01', '§', '||', '::', ' '] as const;

/** The number of records that tell how a file is written. */
const RECORDS = 200;
/** More fields than this say nothing more about a delimiter. */
const FIELDS = 1700;
/** Fields of a record whose values are looked at. */
const VALUES = 40;

/** What the wording of a file is found from. */
export interface WordingInput {
  /** The beginning of the file as UTF-8, from its first record or title line on. */
  sample: Buffer;
  text: string;
  final: boolean;
  newlines: Newline[];
  given: GivenDialect;
}

/** A record as one wording reads it. */
export interface SampleRecord {
  offset: number;
  next: number;
  cells: string[];
  count: number;
  isFaulty: boolean;
  quotedCount: number;
}

/** How well a wording reads the beginning of a file. */
export interface Candidate {
  wording: Wording;
  records: SampleRecord[];
  /** The number of fields that most records have. */
  columns: number;
  /** Share of the records that have it and are well formed, title lines at the top hardly counted. */
  share: number;
  faults: number;
  quotedCount: number;
  /** 0 and more. */
  score: number;
}

/** Below this share of even records, or this score, a reading is no better than none. */
export const LEAST_SHARE = 0.5;

/** Reads the sample by a wording: a line whose quotes are wrong is a faulty record of its own. */
export function readSample(sample: Buffer, final: boolean, wording: Wording, most = RECORDS): SampleRecord[] {
  const grammar = textGrammar(wording);
  const fields = new FieldList(FIELDS);
  const parser = new RecordParser(grammar, fields);
  const records: SampleRecord[] = [];
  let at = 0;
  while (at < sample.length && records.length < most) {
    const blank = newlineAt(sample, at, sample.length, grammar);
    if (blank > 0) {
      at += blank;
      continue;
    }
    const { outcome, next } = parser.read(sample, at, sample.length, final);
    const isRead = outcome === 'read';
    const end = isRead ? next : lineEnd(sample, at, sample.length, grammar);
    if (outcome === 'more' && (end + 40 > sample.length || fields.count === 0)) break;
    const after = isRead ? next : end + newlineAt(sample, end, sample.length, grammar);
    records.push({
      offset: at,
      next: after,
      cells: isRead ? fields.texts() : [],
      count: isRead ? fields.count : 0,
      isFaulty: !isRead,
      quotedCount: fields.quotedCount,
    });
    if (after <= at) break;
    at = after;
  }
  return records;
}

/**
 * Judges a wording by how many records agree in their number of fields (the idea of DuckDB's CSV detection) and by how
 * many of their values look like something (pattern score × type score: van den Burg, Nazábal and Sutton, "Wrangling
 * Messy CSV Files by Detecting Row and Type Patterns", 2019).
 */
export function judge(sample: Buffer, final: boolean, wording: Wording): Candidate {
  const records = readSample(sample, final, wording);
  const columns = commonCount(records);
  const even = records.filter((one) => !one.isFaulty && one.count === columns);
  const share = evenShare(records, columns);
  const faults = records.filter((one) => one.isFaulty).length;
  const quotedCount = records.reduce((sum, one) => sum + (one.isFaulty ? 0 : one.quotedCount), 0);
  const width = columns < 2 ? 0 : Math.log2(Math.min(columns, 16) + 1);
  // Quotes around values are hardly there by chance.
  const quoting = quotedCount >= 2 ? 1.3 : 1;
  const score = share ** 2 * typeShare(even) ** 2 * width * quoting;
  return { wording, records, columns, share, faults, quotedCount, score };
}

/** Returns the delimiters that occur in the sample. A character that occurs only in pairs counts as `||` alone. */
export function delimitersIn(text: string): string[] {
  const isDoubled = (one: string) => text.includes(one + one) && !text.replaceAll(one + one, '').includes(one);
  return POSSIBLE.filter((one) => text.includes(one) && !(['|', ':'].includes(one) && isDoubled(one)));
}

export function wordingOf(delimiter: string, newline: Newline, changes: Partial<Wording> = {}): Wording {
  return { delimiter, quote: '"', escape: '"', newline, skip_space: false, ...changes };
}

/** Returns the most frequent number of fields; among equally frequent ones, the largest. */
function commonCount(records: readonly SampleRecord[]): number {
  const times = new Map<number, number>();
  for (const { count, isFaulty } of records) if (!isFaulty) times.set(count, (times.get(count) ?? 0) + 1);
  let best = 0;
  for (const [count, seen] of times) {
    const before = times.get(best) ?? 0;
    if (seen > before || (seen === before && count > best)) best = count;
  }
  return best;
}

/** Title lines above the first record of that width count for less than the ragged ones below it. */
function evenShare(records: readonly SampleRecord[], columns: number): number {
  const isEven = (one: SampleRecord) => !one.isFaulty && one.count === columns;
  const first = records.findIndex(isEven);
  if (first < 0) return 0;
  const even = records.filter(isEven).length;
  return even / (even === 1 ? records.length : records.length - first + first * 0.3);
}

const WEIGHT = { empty: 0.9, number: 1, moment: 1, word: 1, text: 0.8, mark: 0.3 } as const;

function typeShare(records: readonly SampleRecord[]): number {
  let sum = 0;
  let values = 0;
  for (const { cells } of records)
    for (const cell of cells.slice(0, VALUES)) {
      sum += WEIGHT[kindOf(cell)];
      values++;
    }
  return values === 0 ? 0 : sum / values;
}
