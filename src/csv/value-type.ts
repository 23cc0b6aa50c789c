import { NONE, NUMERIC, TEXT } from './type-codes.js';

/** The types a column can get, by code: integer < bigint < numeric < text, and date, timestamp, uuid < text. */
export const TYPES = ['none', 'integer', 'bigint', 'numeric', 'date', 'timestamp', 'uuid', 'text'] as const;
export type TypeCode = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7;

/** Returns the narrowest type that holds both. */
export function joinTypes(a: TypeCode, b: TypeCode): TypeCode {
  if (a === b || b === NONE) return a;
  if (a === NONE) return b;
  if (a <= NUMERIC && b <= NUMERIC) return a > b ? a : b;
  return TEXT;
}
