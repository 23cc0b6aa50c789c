import type { FieldList } from './field-list.js';
import { afterSpaces, BACKSLASH, isDelimiterAt, type TextGrammar } from './grammar.js';
import { without } from './read-record.js';

/**
 * What was done to a record that is not well formed, so that it has the table's columns (the rules of the Pollock
 * benchmark, Vitagliano et al., VLDB 2023):
 * - `quote_as_text`: an opening quote without a closing one was read as text
 * - `quote_doubled_at_start`: of two opening quotes the first was read as text
 * - `stray_quote_kept`: a quote inside a value was read as text
 * - `quote_before_end`: of two quotes before a delimiter the first was read as text, the second closed the field
 * - `short_row_padded`: NULLs were added for the missing last fields
 * - `surplus_dropped`: empty fields beyond the last column were dropped
 */
export type RepairRule =
  | 'quote_as_text'
  | 'quote_doubled_at_start'
  | 'stray_quote_kept'
  | 'quote_before_end'
  | 'short_row_padded'
  | 'surplus_dropped';

/** A longer line is not repaired: the tries would take their time. */
const LONGEST_LINE = 1 << 20;
/** So many opening quotes are tried as text, one after the other. */
const TRIES = 64;

/**
 * Reads one line whose quotes are wrong so that it has exactly `columns` fields: as it stands, then with each opening
 * quote in turn read as text. Returns the rules it took, undefined where no reading has that number of fields.
 * Time grows with the line, at most 66 times its length.
 */
export function repairLine(
  bytes: Buffer,
  start: number,
  end: number,
  grammar: TextGrammar,
  columns: number,
  fields: FieldList,
): RepairRule[] | undefined {
  if (end - start > LONGEST_LINE || grammar.quote < 0) return undefined;
  const fits = (reading: RepairRule[] | undefined) => reading !== undefined && fields.count === columns;
  const line = { bytes, start, end, grammar };
  const asItStands = readLoosely({ ...line, asText: -1, endsEagerly: false }, fields);
  if (fits(asItStands)) return asItStands;
  for (const asText of openingQuotes(bytes, start, end, grammar)) {
    const reading = readLoosely({ ...line, asText, endsEagerly: false }, fields);
    if (fits(reading)) return unique(['quote_as_text', ...reading!]);
  }
  const eager = readLoosely({ ...line, asText: -1, endsEagerly: true }, fields);
  return fits(eager) ? unique(['quote_before_end', ...eager!]) : undefined;
}

/** Brings a record whose quotes are right to the number of columns; undefined where a value would be lost or guessed. */
export function repairWidth(fields: FieldList, columns: number): RepairRule | undefined {
  if (fields.count > columns) {
    const surplus = Math.min(fields.count, fields.keep);
    for (let k = columns; k < surplus; k++) if (fields.bytes(k).length > 0) return undefined;
    if (!fields.surplusEmpty) return undefined;
    fields.resize(columns);
    return 'surplus_dropped';
  }
  // A row of few fields is a note, or written with another delimiter, rather than a row without its end.
  if (fields.count * 2 < columns) return undefined;
  fields.resize(columns);
  return 'short_row_padded';
}

interface Attempt {
  bytes: Buffer;
  start: number;
  end: number;
  grammar: TextGrammar;
  /** Place of an opening quote that is read as text, or -1. */
  asText: number;
  /** A quote before a delimiter closes its field even where another quote stands before it. */
  endsEagerly: boolean;
}

/** Reads the line with every quote that is out of place as text; undefined where a quoted field does not end. */
function readLoosely(attempt: Attempt, fields: FieldList): RepairRule[] | undefined {
  const { bytes, start, end, grammar, asText } = attempt;
  const rules: RepairRule[] = [];
  fields.clear();
  for (let at = start; ; at += grammar.delimiter.length) {
    at = afterSpaces(bytes, at, end, grammar);
    const isQuoted = at < end && bytes[at] === grammar.quote && at !== asText;
    at = isQuoted ? quotedLoosely(attempt, at, fields, rules) : plainLoosely(attempt, at, fields, rules);
    if (at < 0) return undefined;
    if (at >= end) return rules;
  }
}

function plainLoosely(
  { bytes, end, grammar, asText }: Attempt,
  start: number,
  fields: FieldList,
  rules: RepairRule[],
): number {
  let i = start;
  for (; i < end && !isDelimiterAt(bytes, i, end, grammar); i++) {
    if (bytes[i] === grammar.quote && i !== asText) add(rules, 'stray_quote_kept');
    else if (bytes[i] === 0) fields.nul ||= fields.count + 1;
  }
  fields.add(bytes.subarray(start, i), false);
  return i;
}

/** Returns the place after the field, -1 where its quote is not closed on this line. */
function quotedLoosely(attempt: Attempt, open: number, fields: FieldList, rules: RepairRule[]): number {
  const { bytes, end, grammar, endsEagerly } = attempt;
  const { quote } = grammar;
  // `""x`: the first quote is text, the second opens; but `""` alone is an empty field and `"""x` has an escape.
  const isDoubled = bytes[open + 1] === quote && bytes[open + 2] !== quote && !endsField(attempt, open + 2);
  if (isDoubled) add(rules, 'quote_doubled_at_start');
  const from = isDoubled ? open + 2 : open + 1;
  const dropped: number[] = isDoubled ? [open + 1] : [];
  for (let i = from; i < end; i++) {
    if (bytes[i] === 0) fields.nul ||= fields.count + 1;
    if (grammar.escape === BACKSLASH && bytes[i] === BACKSLASH && bytes[i + 1] === quote) dropped.push(i++);
    else if (bytes[i] === grammar.escape && bytes[i + 1] === bytes[i] && i + 1 < end) {
      if (endsEagerly && endsField(attempt, i + 2)) continue;
      dropped.push(i++);
    } else if (bytes[i] === quote) {
      if (endsField(attempt, i + 1)) {
        fields.add(without(bytes, isDoubled ? open : from, i, dropped), true);
        return afterSpaces(bytes, i + 1, end, grammar);
      }
      add(rules, 'stray_quote_kept');
    }
  }
  return -1;
}

function endsField({ bytes, end, grammar }: Attempt, at: number): boolean {
  const after = afterSpaces(bytes, at, end, grammar);
  return after >= end || isDelimiterAt(bytes, after, end, grammar);
}

/** The quotes that stand where a field could begin, in order. */
function* openingQuotes(bytes: Buffer, start: number, end: number, grammar: TextGrammar): Generator<number> {
  let tries = 0;
  let couldBegin = true;
  for (let i = start; i < end && tries < TRIES; i++) {
    if (couldBegin && bytes[i] === grammar.quote) {
      tries++;
      yield i;
    }
    couldBegin = false;
    if (isDelimiterAt(bytes, i, end, grammar)) {
      i = afterSpaces(bytes, i + grammar.delimiter.length, end, grammar) - 1;
      couldBegin = true;
    }
  }
}

function add(rules: RepairRule[], rule: RepairRule): void {
  if (!rules.includes(rule)) rules.push(rule);
}

function unique(rules: RepairRule[]): RepairRule[] {
  return [...new Set(rules)];
}
