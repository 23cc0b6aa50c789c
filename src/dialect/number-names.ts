import { kindOf } from './value-kind.js';

/**
 * Returns whether the numbers of a first record are names, as years are above their figures: they rise or fall evenly,
 * those below do not, and the other cells of the record do not occur below it.
 * @param first its cells
 * @param rows the cells of the rows below
 */
export function areNames(first: readonly string[], rows: readonly (readonly string[])[]): boolean {
  const isNumber = first.map((cell) => kindOf(cell) === 'number');
  const isValue = (cell: string, k: number) => !isNumber[k] && rows.some((cells) => (cells[k] ?? '') === cell);
  if (rows.length === 0 || first.some(isValue)) return false;
  const series = (cells: readonly string[]) => cells.filter((_, k) => isNumber[k]).map(wholeNumber);
  const shareOf = (fits: (one: number[]) => boolean) =>
    rows.filter((cells) => fits(series(cells))).length / rows.length;
  const numbers = series(first);
  if (areYears(numbers)) return isEven(numbers) && Math.abs(numbers[1]! - numbers[0]!) <= 10 && shareOf(areYears) < 0.5;
  // Numbers that count from 0 or 1 are frequent: it takes more of them, and a name.
  const isCount = numbers.length >= 4 && numbers[0]! <= 1 && numbers[1]! - numbers[0]! === 1 && isEven(numbers);
  const isNamed = first.some((cell, k) => !isNumber[k] && cell.trim() !== '');
  return isCount && isNamed && shareOf(isEven) <= 0.1;
}

/** NaN for another text. */
function wholeNumber(cell: string): number {
  return /^\s*\d{1,9}\s*$/.test(cell) ? Number(cell) : Number.NaN;
}

function areYears(numbers: readonly number[]): boolean {
  return numbers.length > 1 && numbers.every((one) => one >= 1900 && one <= 2100);
}

/** Whether all steps from number to number are the same, and not 0. */
function isEven(numbers: readonly number[]): boolean {
  const step = numbers[1]! - numbers[0]!;
  return step !== 0 && numbers.every((one, k) => k === 0 || one - numbers[k - 1]! === step);
}
