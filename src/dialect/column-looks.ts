import { kindOf, shapeOf } from './value-kind.js';

/** What nearly all values of a column look like; null where they have nothing in common. */
export interface ColumnLook {
  kind: 'number' | 'moment' | null;
  /** The shape that they share, where it has digits in it. */
  shape: string | null;
}

const NEARLY_ALL = 0.8;

/** Returns the looks of the first `width` columns; empty values count for nothing. */
export function columnLooks(rows: readonly (readonly string[])[], width: number): ColumnLook[] {
  return Array.from({ length: width }, (_, k) => {
    const values = rows.map((cells) => cells[k] ?? '').filter((value) => value.trim() !== '');
    const isMost = (count: number) => count > 0 && count >= values.length * NEARLY_ALL;
    const kinds = { number: 0, moment: 0 };
    for (const value of values) {
      const kind = kindOf(value);
      if (kind === 'number' || kind === 'moment') kinds[kind]++;
    }
    const kind = isMost(kinds.number) ? 'number' : isMost(kinds.moment) ? 'moment' : null;
    const shape = values.length > 1 ? shapeOf(values[0]) : '';
    const isShared = /9/.test(shape) && isMost(values.filter((value) => shapeOf(value) === shape).length);
    return { kind, shape: isShared ? shape : null };
  });
}

/** In how many columns the cells look like their values, and in how many they do not. */
export function compareLooks(cells: readonly string[], looks: readonly ColumnLook[]): { like: number; unlike: number } {
  let like = 0;
  let unlike = 0;
  for (const [k, { kind, shape }] of looks.entries()) {
    const cell = cells[k]?.trim() ?? '';
    if (cell === '' || (kind === null && shape === null)) continue;
    if (kind === null ? shapeOf(cell) === shape : kindOf(cell) === kind) like++;
    else unlike++;
  }
  return { like, unlike };
}
