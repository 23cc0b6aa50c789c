import { DELIMITERS } from '../contract/marks.js';
import { type ColumnLook, compareLooks } from './column-looks.js';
import type { FieldList } from './field-list.js';
import { afterSpaces, isDelimiterAt, passEscapes, type TextGrammar } from './grammar.js';
import { RecordParser, without } from './read-record.js';

/**
 * What was done to a record that is not well formed, so that it has the table's columns (the rules of the Pollock
 * benchmark, Vitagliano et al., VLDB 2023):
 * - `quote_as_text`: an opening quote without a closing one was read as text
 * - `quote_doubled_at_start`: of two opening quotes the first was read as text
 * - `stray_quote_kept`: a quote inside a value was read as text
 * - `quote_before_end`: of two quotes before a delimiter the first was read as text, the second closed the field
 * - `short_row_padded`: NULLs were added for the missing last fields
 * - `surplus_dropped`: empty fields beyond the last column were dropped
 * - `empty_field_dropped`: of one field too many an empty one was dropped, without which each value fits its column
 * - `other_delimiter`: the line has another delimiter, by which each value fits its column
 */
export type RepairRule =
  | 'quote_as_text'
  | 'quote_doubled_at_start'
  | 'stray_quote_kept'
  | 'quote_before_end'
  | 'short_row_padded'
  | 'surplus_dropped'
  | 'empty_field_dropped'
  | 'other_delimiter';

/** A longer line is not repaired: the tries would take their time. */
const LONGEST_LINE = 1 << 20;
/** The number of opening quotes that are tried as text, one after the other. */
const TRIES = 64;

/**
 * Reads one line whose quotes are wrong so that it has exactly `columns` fields: first unchanged, then with each
 * opening quote in turn read as text. Returns the applied rules; undefined where no reading has that number of fields.
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
  if (fits(eager)) return unique(['quote_before_end', ...eager!]);
  return lineWithoutDelimiter(line, columns, fields);
}

/** Pads a row in which a delimiter is missing before or after a quoted value, so that two values are one. */
function lineWithoutDelimiter(line: Line, columns: number, fields: FieldList): RepairRule[] | undefined {
  if (!readInSections(line, fields) || fields.count >= columns) return undefined;
  const rule = repairWidth(fields, columns, []);
  return rule ? ['stray_quote_kept', rule] : undefined;
}

/** Fits a record with valid quotes to the number of columns; undefined when a value would be lost or guessed. */
export function repairWidth(fields: FieldList, columns: number, looks: readonly ColumnLook[]): RepairRule | undefined {
  if (fields.count > columns) return dropSurplus(fields, columns, looks);
  // A row of few fields is a note, or written with another delimiter, rather than a row without its end.
  if (fields.count * 2 < columns) return undefined;
  fields.resize(columns);
  return 'short_row_padded';
}

/**
 * Drops empty fields beyond the last column. With one field too many it drops an empty one in the middle, where only
 * then every value looks like its column.
 */
function dropSurplus(fields: FieldList, columns: number, looks: readonly ColumnLook[]): RepairRule | undefined {
  const isLastEmpty = fields.surplusEmpty && isEmptyFrom(fields, columns);
  if (fields.count === columns + 1 && fields.keep > columns) {
    const place = emptyFieldTooMany(fields.texts(), columns, looks, isLastEmpty);
    if (place !== undefined) {
      fields.remove(place);
      return 'empty_field_dropped';
    }
  }
  if (!isLastEmpty) return undefined;
  fields.resize(columns);
  return 'surplus_dropped';
}

function isEmptyFrom(fields: FieldList, from: number): boolean {
  const kept = Math.min(fields.count, fields.keep);
  for (let k = from; k < kept; k++) if (fields.bytes(k).length > 0) return false;
  return true;
}

/** Returns the place of the only empty field whose removal makes all others fit their columns. */
function emptyFieldTooMany(
  cells: string[],
  columns: number,
  looks: readonly ColumnLook[],
  isLastEmpty: boolean,
): number | undefined {
  if (columns > 200) return undefined;
  const likeness = (k: number) => {
    const { like, unlike } = compareLooks(cells.toSpliced(k, 1), looks);
    return unlike === 0 ? like : -1;
  };
  if (isLastEmpty && likeness(columns) >= 0) return undefined;
  const empty = cells.slice(0, columns).flatMap((cell, k) => (cell === '' ? [k] : []));
  const fitting = empty.filter((k) => likeness(k) > 0);
  return fitting.length === 1 ? fitting[0] : undefined;
}

interface Line {
  bytes: Buffer;
  start: number;
  end: number;
  grammar: TextGrammar;
}

interface Attempt extends Line {
  /** Place of an opening quote that is read as text, or -1. */
  asText: number;
  /** Whether a quote before a delimiter closes its field even after another quote. */
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
    if (grammar.escapesQuotes && bytes[i] === grammar.escape) i = passEscapes(bytes, i, end, grammar, dropped);
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

/** Yields the quotes at which a field could begin, in order. */
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

/** Splits the line with delimiters protected between any two quotes; undefined when a quote stays open. */
function readInSections({ bytes, start, end, grammar }: Line, fields: FieldList): boolean {
  fields.clear();
  let from = start;
  let isOpen = false;
  for (let i = start; i <= end; i++) {
    if (i < end && bytes[i] === grammar.quote) isOpen = !isOpen;
    else if (bytes[i] === 0 && i < end) fields.nul ||= fields.count + 1;
    if (i < end && (isOpen || !isDelimiterAt(bytes, i, end, grammar))) continue;
    addSection(bytes, afterSpaces(bytes, from, i, grammar), i, grammar.quote, fields);
    from = i + grammar.delimiter.length;
    i = Math.min(from, end) - (i < end ? 1 : 0);
    if (i >= end) break;
  }
  return !isOpen;
}

function addSection(bytes: Buffer, from: number, to: number, quote: number, fields: FieldList): void {
  const isWrapped = to - from >= 2 && bytes[from] === quote && bytes[to - 1] === quote;
  const isQuoted = isWrapped && bytes.indexOf(quote, from + 1) === to - 1;
  fields.add(isQuoted ? bytes.subarray(from + 1, to - 1) : bytes.subarray(from, to), isQuoted);
}

const OTHERS = [...DELIMITERS, ' '].map((one) => Buffer.from(one));

/**
 * Reads a line that is written with another delimiter than its file. It must be well formed by it, have exactly
 * `columns` fields, at least 4, and every value of a column with a look, at least two of them, must have that look.
 */
export function readByOtherDelimiter(
  { bytes, start, end, grammar }: Line,
  columns: number,
  looks: readonly ColumnLook[],
  fields: FieldList,
): boolean {
  if (columns < 4 || end - start > LONGEST_LINE) return false;
  return OTHERS.some((delimiter) => {
    if (delimiter.equals(grammar.delimiter)) return false;
    const line = bytes.subarray(start, end);
    const other = { ...grammar, delimiter, skipSpace: false };
    const { outcome } = new RecordParser(other, fields).read(line, 0, line.length, true);
    if (outcome !== 'read' || fields.count !== columns || fields.nul > 0) return false;
    const { like, unlike } = compareLooks(fields.texts(), looks);
    return like >= 2 && unlike === 0;
  });
}

function add(rules: RepairRule[], rule: RepairRule): void {
  if (!rules.includes(rule)) rules.push(rule);
}

function unique(rules: RepairRule[]): RepairRule[] {
  return [...new Set(rules)];
}
