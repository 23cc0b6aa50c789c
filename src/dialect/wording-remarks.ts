import { holdsSingleValues, RARE, USUAL } from './rare-delimiter.js';
import { type Candidate, LEAST_SHARE, type WordingInput } from './wording-candidates.js';

/** What a user should know of the reading that was chosen: what is unusual in it, and what else fits. */
export function warningsOf(input: WordingInput, best: Candidate, others: Candidate[]): string[] {
  const { given, newlines } = input;
  const warnings: string[] = [];
  const { quote, escape: escapedBy, newline, skip_space } = best.wording;
  if (given.delimiter === undefined) warnings.push(...rivalsOf(input, best, others), ...quotedColumnOf(input, best));
  if (given.quote === undefined && quote !== '"')
    warnings.push(quote ? `Values are quoted by ${shown(quote)}.` : 'Quotes in this file are plain text.');
  if (given.escape === undefined && quote && escapedBy !== quote)
    warnings.push(
      escapedBy
        ? `A quote inside of a value is escaped by ${shown(escapedBy)}.`
        : 'Quotes inside of values are not escaped: a quote closes a value only before a delimiter or a line end.',
    );
  if (given.skip_space === undefined && skip_space) warnings.push('Spaces after delimiters are ignored.');
  if (newline === 'mixed') warnings.push('The file has CR and LF as line ends: both end a record.');
  else if (given.newline === undefined && newlines.length > 1) warnings.push('Some values contain CR; it is kept.');
  if (best.faults > 0)
    warnings.push(`${best.faults} of the first ${best.records.length} records have malformed quotes.`);
  return warnings;
}

/** Warns of other delimiters that fit. */
function rivalsOf({ sample }: WordingInput, best: Candidate, others: Candidate[]): string[] {
  const { delimiter } = best.wording;
  if (best.columns < 2) {
    const isName = (one: Candidate) => one.records[0]?.count !== one.columns && holdsSingleValues(one, sample);
    const rival = others.find((one) => one.columns > 1 && one.share >= LEAST_SHARE && !isName(one));
    if (!rival) return [];
    const { columns, wording } = rival;
    return [
      `The file is read as one column. Its lines can be split into ${columns} by ${shown(wording.delimiter)}: give the delimiter if it is one.`,
    ];
  }
  const isSure = best.share === 1 && USUAL.includes(delimiter);
  const isRival = (one: string) => one !== delimiter && !(isSure && RARE.includes(one));
  const rival = others.find((one) => isRival(one.wording.delimiter) && one.columns > 1);
  if (!rival || rival.score <= best.score * 0.8) return [];
  return [
    `The delimiter ${shown(rival.wording.delimiter)} fits nearly as well as ${shown(delimiter)}. Check the columns, or give the delimiter.`,
  ];
}

/** Tells of a column whose values have a delimiter in quotes: the file is meant so, unless its quotes are wrong. */
function quotedColumnOf({ text }: WordingInput, best: Candidate): string[] {
  if (best.columns !== 1) return [];
  const inMost = inMostLines(linesOf(text));
  if (inMost.length === 0 || !isQuotedColumn(best, inMost)) return [];
  return [`The file is read as one column: most of its values have ${inMost.map(shown).join(' and ')} in quotes.`];
}

/** Asks about a file with a delimiter in nearly every line, rather than making a table of one text column silently. */
export function questionOf({ given, text }: WordingInput, best: Candidate): string | null {
  if (given.delimiter !== undefined || best.records.length === 0) return null;
  const ask = 'Give the delimiter (and the quote) of the file.';
  if (hasDecimalsAlone(best))
    return `The commas may be decimal commas in one column, or delimiters between two columns. ${ask} For one column give ";".`;
  if (best.columns > 1 && best.share >= LEAST_SHARE) return null;
  const lines = linesOf(text);
  const inMost = inMostLines(lines);
  if (inMost.length === 0 || isQuotedColumn(best, inMost)) return null;
  if (best.columns > 1 && best.share >= 0.25 && inMost.includes(best.wording.delimiter)) return null;
  if (lines.every((line) => /^".*"$/.test(line)))
    return `Each line is quoted as a whole and therefore reads as one value. Remove these quotes. ${ask}`;
  return `Nearly every line contains ${inMost.map(shown).join(' and ')}, but never an equal number of columns. ${ask}`;
}

/** The first lines that are not empty. */
function linesOf(text: string): string[] {
  const lines: string[] = [];
  for (const [line] of text.matchAll(/[^\r\n]+/g)) {
    if (line.trim() !== '') lines.push(line);
    if (lines.length === 200) break;
  }
  return lines;
}

function inMostLines(lines: string[]): string[] {
  if (lines.length === 0) return [];
  return [...USUAL, '^', '~'].filter((one) => lines.filter((line) => line.includes(one)).length >= lines.length * 0.8);
}

/** Whether a name without these delimiters stands above values that have them in quotes: a column of `Doe, Jane`. */
function isQuotedColumn({ records, columns, faults }: Candidate, delimiters: string[]): boolean {
  const [header, ...rows] = records;
  const holds = ({ cells }: Candidate['records'][number]) => delimiters.some((one) => cells.join('').includes(one));
  if (columns !== 1 || faults > 0 || rows.length === 0 || holds(header!)) return false;
  return rows.every((one) => !holds(one) || (one.count === 1 && one.quotedCount === 1));
}

/** One name above lines like `1,50`. */
function hasDecimalsAlone({ wording, columns, records }: Candidate): boolean {
  const [first, ...rest] = records;
  if (wording.delimiter !== ',' || columns !== 2 || first?.count !== 1) return false;
  return rest.length > 0 && rest.every(({ cells }) => cells.length === 2 && cells.every((one) => /^-?\d+$/.test(one)));
}

function shown(text: string): string {
  return text === '\t' ? 'tab' : text === ' ' ? 'space' : `"${text}"`;
}
