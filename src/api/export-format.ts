import { invalidRequest } from '../contract/errors.js';
import type { DownloadStart } from '../contract/requests.js';
import { type ExportFormat, PLAIN_FORMAT } from '../contract/task.js';
import { listNearest, MAX_LISTED } from '../csv/nearest-names.js';
import { attributeNumber } from '../tables/staging.js';
import type { Column, TaskRow } from '../tasks/tasks.js';

/** What `dialect` of an upload's task row, of any version, says of its file. */
type FormatOfSource = Partial<Omit<ExportFormat, 'newline' | 'quote' | 'escape' | 'compression'>> & {
  newline?: string;
  quote?: string | null;
  escape?: string | null;
  header_rows?: number;
  skip_lines?: number;
  skip_space?: boolean;
  marks?: number;
  separator_line?: boolean;
};

const NEWLINES = { lf: '\n', crlf: '\r\n', '\n': '\n', '\r\n': '\r\n' } as const;

/**
 * Returns the format of an export, and what a caller should know about it; no format where the request
 * says nothing.
 * @param columns those that are exported, by their numbers in the table
 */
export function exportFormat(
  { bom, newline, delimiter, quote, like_source, compression }: DownloadStart,
  upload: TaskRow | undefined,
  columns: Column[] | undefined,
): { format?: ExportFormat; warnings: string[] } {
  const asked: Partial<ExportFormat> = {
    ...(bom !== undefined && { bom }),
    ...(newline !== undefined && { newline: NEWLINES[newline] }),
    ...(delimiter !== undefined && { delimiter }),
    ...(quote !== undefined && { quoted: quote, quoted_header: quote === 'all' }),
    ...(compression !== undefined && { compression }),
  };
  if (!like_source) {
    const isPlain = Object.keys(asked).length === 0;
    return isPlain ? { warnings: [] } : { format: { ...PLAIN_FORMAT, ...asked }, warnings: [] };
  }
  if (!upload) throw invalidRequest([{ field: 'like_source', value: true, detail: 'must be left out with table' }]);
  const { format, warnings } = likeSource(upload, columns ?? []);
  return { format: withOwnMarks({ ...format, ...asked }, delimiter), warnings };
}

/** @throws {TaskError} invalid_request for a delimiter that quotes the values, which COPY refuses */
function withOwnMarks(format: ExportFormat, asked: string | undefined): ExportFormat {
  if (format.delimiter !== format.quote) return format;
  const detail = `must be another one than the quote of the uploaded file, ${JSON.stringify(format.quote)}`;
  throw invalidRequest([{ field: 'delimiter', value: asked, detail }]);
}

/** What COPY can write; the rest is written plainly, and said. */
function likeSource(
  { dialect, source_style, columns, converted }: TaskRow,
  exported: Column[],
): { format: ExportFormat; warnings: string[] } {
  const found = { ...dialect, ...source_style } as FormatOfSource;
  const warnings: string[] = [];
  const keep = <T>(value: unknown, fits: (value: unknown) => value is T, plain: T, what: string): T => {
    if (fits(value)) return value;
    warnings.push(`The export cannot be like the uploaded file: ${what}.`);
    return plain;
  };
  const quote = found.quote === undefined ? '"' : keep(found.quote, isMark, '"', 'its values are not quoted');
  // COPY doubles each escape in a quoted value; our reader, and many others, do so only before a quote.
  const isQuote = (value: unknown): value is string => value === quote;
  const places = exported.map((column) => placeInFile(column, columns!, converted?.reading?.fields));
  const header = found.header_rows === undefined ? (found.header ?? true) : found.header_rows > 0;
  warnings.push(...leftOut(found, converted?.reading?.trailingDelimiter ?? false));
  const format: ExportFormat = {
    encoding: found.encoding ?? 'utf-8',
    bom: found.bom ?? false,
    delimiter: keep(found.delimiter, isMark, quote === ',' ? ';' : ',', 'its delimiter has several characters'),
    quote,
    escape: found.escape === undefined ? quote : keep(found.escape, isQuote, quote, otherEscape(found.escape)),
    newline: keep(found.newline, isNewline, '\n', 'its line ends are mixed'),
    header,
    quoted_header: found.quoted_header ?? false,
    quoted: placesOf(found.quoted ?? 'needed', places),
    final_newline: keep(found.final_newline, isBoolean, true, 'an earlier version has loaded it'),
    compression: null,
  };
  return { format, warnings };
}

function otherEscape(found: string | null): string {
  return found === null ? 'its quotes are not escaped' : `it escapes by ${found}, and the export doubles its quotes`;
}

/** Returns one sentence for each thing of the file that an export does not have. */
function leftOut(found: FormatOfSource, trailingDelimiter: boolean): string[] {
  const { header_rows = 1, skip_lines = 0, marks = 0, separator_line, skip_space } = found;
  const sentences: [unknown, string][] = [
    [header_rows > 1, 'The export has one header line; the uploaded file has several.'],
    [skip_lines > 0, 'The lines above the header of the uploaded file are not exported.'],
    [separator_line, 'The line "sep=" of the uploaded file is not exported.'],
    [marks > 1, 'The export has one byte order mark at most; the uploaded file has several.'],
    [skip_space, 'The spaces after the delimiters of the uploaded file are not exported.'],
    [trailingDelimiter, 'The delimiters that end the lines of the uploaded file are not exported.'],
  ];
  return sentences.flatMap(([isSo, sentence]) => (isSo ? [sentence] : []));
}

/** Returns the place of a column among the fields of the file, from 1: an upload may skip and move them. */
function placeInFile({ number }: Column, columns: Column[], fields?: { field: number }[]): number {
  const place = columns.findIndex((_, i) => attributeNumber(i) === number);
  return (fields?.[place]?.field ?? place) + 1;
}

/** Brings the places of columns in the file to those in the export. */
function placesOf(quoted: ExportFormat['quoted'], exported: number[]): ExportFormat['quoted'] {
  if (typeof quoted === 'string') return quoted;
  const places = exported.flatMap((place, i) => (quoted.includes(place) ? [i + 1] : []));
  return places.length > 0 ? places : 'needed';
}

/** One byte that COPY takes for a delimiter, a quote or an escape. */
function isMark(text: unknown): text is string {
  return typeof text === 'string' && /^[\t\x20-\x7e]$/.test(text);
}

function isNewline(text: unknown): text is ExportFormat['newline'] {
  return text === '\n' || text === '\r\n' || text === '\r';
}

function isBoolean(value: unknown): value is boolean {
  return typeof value === 'boolean';
}

/**
 * Returns the columns that a request names, in its order: each by its name in the table, or in the header of the file
 * where that is unique.
 * @throws {TaskError} invalid_request, which names the nearest ones
 */
export function chosenColumns(names: string[], columns: Column[]): Column[] {
  const byOriginal = new Map<string, Column[]>(columns.map(({ original }) => [original, []]));
  for (const column of columns) byOriginal.get(column.original)!.push(column);
  const byName = new Map(columns.map((column) => [column.name, column]));
  const ambiguous = names.filter((name) => !byName.has(name) && (byOriginal.get(name)?.length ?? 0) > 1);
  if (ambiguous.length > 0) {
    throw invalidRequest(ambiguous.slice(0, MAX_LISTED).map((name) => ambiguousColumn(name, byOriginal.get(name)!)));
  }
  const chosen = names.map((name) => byName.get(name) ?? byOriginal.get(name)?.[0]);
  const unknown = names.filter((_, i) => chosen[i] === undefined);
  if (unknown.length > 0) {
    const known = columns.map(({ original }) => original);
    throw invalidRequest(unknown.slice(0, MAX_LISTED).map((name) => unknownColumn(name, known)));
  }
  const twice = chosen.findIndex((column, i) => chosen.indexOf(column) < i);
  if (twice >= 0) throw invalidRequest([{ field: 'columns', value: names[twice], detail: 'names a column twice' }]);
  return chosen as Column[];
}

function ambiguousColumn(name: string, named: Column[]) {
  const listed = named.slice(0, MAX_LISTED).map((column) => JSON.stringify(column.name));
  const detail = `names ${JSON.stringify(name.slice(0, 100))}, which ${named.length} columns of the file are called; use their names in the table: ${listed.join(', ')}`;
  return { field: 'columns', value: name.slice(0, 100), detail };
}

function unknownColumn(name: string, known: string[]) {
  const detail = `names ${JSON.stringify(name.slice(0, 100))}, which is no column of the table; the nearest of its ${known.length} columns are ${listNearest(name, known)}`;
  return { field: 'columns', value: name.slice(0, 100), detail };
}
