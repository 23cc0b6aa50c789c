import { type ColumnLook, columnLooks, compareLooks } from './column-looks.js';
import { titlesQuestion } from './doubtful-titles.js';
import type { GivenDialect } from './file-dialect.js';
import { areNames } from './number-names.js';
import { RARE } from './rare-delimiter.js';
import { kindOf } from './value-kind.js';
import type { Candidate, SampleRecord } from './wording-candidates.js';

/** Where in a file its header and its records are. */
export interface Layout {
  /** Records above the header that are titles or blank. */
  titles: number;
  headerRows: number;
  /** Cells of the header, those of several rows joined by a space; as many as the table has columns. */
  header: string[];
  columns: number;
  trailingDelimiter: boolean;
  /** What the values of the columns look like. */
  looks: ColumnLook[];
  /** Records at the end of a whole file that are notes rather than rows. */
  footers: number;
  warnings: string[];
  /** What to ask where the titles are in doubt, else null. */
  question: string | null;
}

export interface LayoutInput {
  candidate: Candidate;
  given: GivenDialect;
  /** The number of columns, where it is known otherwise. */
  columns?: number;
  /** Short and long headers are brought to the width of the records. */
  repairs: boolean;
  /** The candidate's records are the whole file. */
  whole: boolean;
}

/** The number of records in which titles are looked for. */
const MAX_TITLES = 50;
const MAX_HEADER_ROWS = 9;

/**
 * Finds title lines, header rows, footers and trailing delimiters. A record counts as a header where the columns
 * have a type, or a shape, that its own cells do not have (Christodoulakis et al., "Pytheas", VLDB 2020, on the
 * same evidence); where nothing tells, the first record is the header.
 */
export function detectLayout(input: LayoutInput): Layout {
  const { candidate, given } = input;
  const { records, wording } = candidate;
  const width = input.columns ?? candidate.columns;
  const hasNone = given.skip_lines !== undefined || (given.delimiter === undefined && RARE.includes(wording.delimiter));
  const titles = hasNone ? 0 : titleCount(records, width);
  const rows = records.slice(titles);
  const footers = input.whole ? footerCount(rows, width) : 0;
  const body = rows.slice(0, rows.length - footers);
  const warnings: string[] = [];
  const headerRows = Math.min(given.header_rows ?? headerRowsOf(body, width, warnings), rows.length);
  const cells = joined(body.slice(0, headerRows).map((one) => one.cells));
  const data = body.slice(headerRows).filter((one) => !one.isFaulty);
  const fitted = fitHeader(cells, data, { ...input, headerRows, width });
  if (titles > 0) warnings.push(`Skipped ${titles} lines above the header.`);
  if (footers > 0) warnings.push(`The last ${footers} lines look like notes. They cannot become rows.`);
  if (fitted.trailingDelimiter) warnings.push('Every record ends with a delimiter; the empty last field is dropped.');
  const looks = columnLooks(
    data.filter((one) => one.count === width).map((one) => one.cells),
    fitted.columns,
  );
  const { unlike } = compareLooks(body[0]?.cells ?? [], looks);
  const question = given.delimiter === undefined ? titlesQuestion(candidate, { titles, headerRows }, unlike) : null;
  return { titles, headerRows, footers, warnings, looks, question, ...fitted };
}

/** Records that are too sparse to be the header come before one that is not. */
function titleCount(records: readonly SampleRecord[], width: number): number {
  if (width < 2) return 0;
  const limit = Math.min(records.length, MAX_TITLES);
  for (let k = 0; k < limit; k++) if (isFull(records[k], width)) return k;
  return 0;
}

function isFull({ cells, count, isFaulty }: SampleRecord, width: number): boolean {
  if (isFaulty) return true;
  const filled = cells.filter((cell) => cell.trim() !== '').length;
  // In two columns a single cell may be a row; in more of them it is a title.
  return width === 2 ? count >= 2 && filled >= 1 : filled * 2 > width;
}

function footerCount(rows: readonly SampleRecord[], width: number): number {
  if (width < 2) return 0;
  let footers = 0;
  for (let k = rows.length - 1; k > 1 && footers < 10; k--) {
    const { count, isFaulty } = rows[k];
    if (isFaulty || count === width || count * 2 >= width) break;
    footers++;
  }
  return footers;
}

function headerRowsOf(rows: readonly SampleRecord[], width: number, warnings: string[]): number {
  const [first, ...rest] = rows;
  if (!first) return 1;
  const looks = looksOf(rest, width);
  const { like, unlike } = compareLooks(first.cells, looks);
  if (like > 0 && like > unlike) {
    const even = rest.filter((one) => !one.isFaulty && one.count >= width).map((one) => one.cells);
    if (!areNames(first.cells, even)) {
      warnings.push(
        'The first record looks like the data below it, so the file is read without a header and the columns are named column_1, column_2, ... If the first record is a header, set header_rows to 1.',
      );
      return 0;
    }
    warnings.push('The numbers in the first record are read as column names. Give header_rows 0 if they are values.');
  }
  let count = 1;
  while (
    count < MAX_HEADER_ROWS &&
    count < rows.length - 1 &&
    isHeaderToo(rows[count], first, () => looksOf(rows.slice(count + 1), width))
  )
    count++;
  if (count > 1)
    warnings.push(
      `The first ${count} records are read as one header. If only the first one is the header, set header_rows to 1.`,
    );
  return count;
}

function looksOf(rows: readonly SampleRecord[], width: number): ColumnLook[] {
  const even = rows.filter((one) => !one.isFaulty && one.count >= width);
  return columnLooks(
    even.map((one) => one.cells),
    width,
  );
}

/** A further header row repeats the first, or fits none of at least two columns that have a type. */
function isHeaderToo(row: SampleRecord, first: SampleRecord, looksBelow: () => ColumnLook[]): boolean {
  if (row.isFaulty) return false;
  if (row.count === first.count && row.cells.every((cell, k) => cell === first.cells[k])) return true;
  if (row.cells.some((cell) => kindOf(cell) === 'number' || kindOf(cell) === 'moment')) return false;
  const looks = looksBelow();
  const typed = looks.filter((one) => one.kind !== null).length;
  const { like, unlike } = compareLooks(row.cells, looks);
  return typed >= 2 && like === 0 && unlike >= typed;
}

function joined(rows: string[][]): string[] {
  if (rows.length === 1) return rows[0];
  const width = Math.max(0, ...rows.map((row) => row.length));
  return Array.from({ length: width }, (_, k) =>
    rows
      .map((row) => row[k]?.trim() ?? '')
      .filter((cell) => cell !== '')
      .join(' '),
  );
}

interface Fitting extends LayoutInput {
  headerRows: number;
  width: number;
}

/** Brings the header and the records to one number of columns. */
function fitHeader(
  cells: string[],
  data: readonly SampleRecord[],
  { candidate, headerRows, width, columns, repairs }: Fitting,
): { header: string[]; columns: number; trailingDelimiter: boolean } {
  if (headerRows === 0) {
    // A delimiter at each line's end is a habit of databases and of SAP (TPC-H has `|`), hardly one of comma files.
    const isHabit = columns === undefined && width > 2 && candidate.wording.delimiter !== ',';
    const drops = isHabit && data.length > 0 && data.every((one) => isEmptyAt(one, width - 1));
    const count = drops ? width - 1 : width;
    return { header: Array<string>(count).fill(''), columns: count, trailingDelimiter: drops };
  }
  const last = cells.length - 1;
  const isUnnamedLast = last >= 1 && cells[last].trim() === '';
  const empty = (k: number) => data.length > 0 && data.every((one) => one.count <= k || isEmptyAt(one, k));
  if (columns === undefined && isUnnamedLast && empty(last)) {
    return { header: cells.slice(0, last), columns: last, trailingDelimiter: true };
  }
  if (columns === undefined && cells.length === width - 1 && empty(width - 1))
    return { header: cells, columns: cells.length, trailingDelimiter: true };
  const target = columns ?? (repairs && data.length > 1 ? width : cells.length);
  return { header: fitted(cells, target), columns: target, trailingDelimiter: false };
}

function isEmptyAt({ cells }: SampleRecord, k: number): boolean {
  return (cells[k] ?? '') === '';
}

/** Removes empty names first where there are too many; missing names are left empty, to be generated later. */
function fitted(cells: string[], columns: number): string[] {
  const names = [...cells];
  for (let k = names.length - 1; k >= 0 && names.length > columns; k--) if (names[k].trim() === '') names.splice(k, 1);
  while (names.length < columns) names.push('');
  return names.slice(0, columns);
}
