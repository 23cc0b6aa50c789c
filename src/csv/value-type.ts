/**
 * The types a column can get, as a small lattice: integer < bigint < numeric < text, and date, timestamp, uuid < text.
 * `none` is a column without a value so far.
 */
export const TYPES = ['none', 'integer', 'bigint', 'numeric', 'date', 'timestamp', 'uuid', 'text'] as const;
export type TypeCode = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7;

export const NONE = 0;
const NUMERIC = 3;
export const TEXT = 7;

/** The narrowest type that holds both. */
export function joinTypes(a: TypeCode, b: TypeCode): TypeCode {
  if (a === b || b === NONE) return a;
  if (a === NONE) return b;
  if (a <= NUMERIC && b <= NUMERIC) return a > b ? a : b;
  return TEXT;
}
