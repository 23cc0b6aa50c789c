import { kindOf } from './value-kind.js';
import type { Candidate, SampleRecord } from './wording-candidates.js';

/**
 * Returns what to ask where lines above the table may be its header and first rows: they have fewer fields, but
 * nothing sets the record after them apart from the data.
 * @param unlike columns whose type that record does not have
 */
export function titlesQuestion(
  { records, columns }: Candidate,
  { titles, headerRows }: { titles: number; headerRows: number },
  unlike: number,
): string | null {
  const above = records[titles - 1];
  const [first] = records;
  const header = records[titles];
  if (!above || !first || !header || (unlike > 0 && headerRows > 0)) return null;
  const isApart = header.offset > above.next;
  if (isApart) return null;
  const isDoubtful = columns === 2 || headerRows === 0 || areNames(first) || areSpaced(records.slice(titles));
  if (!isDoubtful) return null;
  return `The first lines may be titles above ${columns} columns, or the header and rows of fewer. Give skip_lines, or the delimiter of the file. For one column give a delimiter that is not in it.`;
}

function areNames({ cells }: SampleRecord): boolean {
  return cells.every((cell) => kindOf(cell) === 'word' && !/\s/.test(cell.trim()));
}

/** Most delimiters have a space after them, as commas in a sentence. */
function areSpaced(records: readonly SampleRecord[]): boolean {
  const cells = records.flatMap((one) => one.cells.slice(1)).filter((cell) => cell !== '');
  return cells.filter((cell) => cell.startsWith(' ')).length > cells.length / 2;
}
