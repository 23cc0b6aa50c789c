import { parse } from 'csv-parse/sync';

export interface FileScore {
  name: string;
  weight: number;
  /** Sum of the ten measures, 0 to 10. */
  score: number;
  /** Share of the rows, header included, that are equal cell by cell at the same place. */
  equalRows: number;
}

/**
 * Scores one converted file as Pollock does: success, and precision, recall and F1 of header, records and cells. A
 * record is its cells in one text, so that a shift costs nothing there. Values are compared as text: without the
 * benchmark's normalisation, which a loader that changes no value does not need.
 */
export function scoreFile(clean: string, converted: string): Pick<FileScore, 'score' | 'equalRows'> {
  if (converted.startsWith('Application Error')) return { score: 0, equalRows: 0 };
  const wanted = rowsOf(clean);
  const got = rowsOf(converted);
  const longest = Math.max(wanted.length, got.length);
  const equal = wanted.filter((row, k) => got[k] && sameCells(row, got[k])).length;
  const equalRows = longest === 0 ? 1 : equal / longest;
  if (wanted.length === 0) return { score: 10, equalRows };
  const header = wanted[0].length === 0 ? 3 : matches(wanted[0].map(folded), (got[0] ?? []).map(folded));
  const records = (rows: string[][]) => rows.slice(1).map((row) => row.map(folded).join(''));
  const record = wanted.length === 1 ? 3 : matches(records(wanted), records(got));
  return { score: 1 + header + record + matches(wanted.flat(), got.flat()), equalRows };
}

/** Returns the means over all files; `weighted` by how often a pollution was seen. */
export function totals(scores: readonly FileScore[]) {
  const mean = (of: (one: FileScore) => number) => scores.reduce((sum, one) => sum + of(one), 0) / scores.length;
  const weight = scores.reduce((sum, one) => sum + one.weight, 0);
  return {
    simple: mean((one) => one.score),
    weighted: scores.reduce((sum, one) => sum + one.score * one.weight, 0) / weight,
    perfect: scores.filter((one) => one.score > 9.9999999).length,
    equalRows: mean((one) => one.equalRows),
  };
}

function rowsOf(text: string): string[][] {
  return parse(text, { relax_column_count: true, skip_empty_lines: false, bom: true }) as string[][];
}

function sameCells(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((cell, k) => cell === b[k]);
}

function folded(cell: string): string {
  return cell.toLowerCase();
}

/** Precision, recall and F1 of two multisets, summed. */
function matches(wanted: readonly string[], got: readonly string[]): number {
  const left = new Map<string, number>();
  for (const one of wanted) left.set(one, (left.get(one) ?? 0) + 1);
  let common = 0;
  for (const one of got) {
    const count = left.get(one) ?? 0;
    if (count === 0) continue;
    left.set(one, count - 1);
    common++;
  }
  if (common === 0) return 0;
  const recall = common / wanted.length;
  const precision = common / got.length;
  return precision + recall + (2 * precision * recall) / (precision + recall);
}
