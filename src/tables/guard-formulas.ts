import { quoteLiteral } from '../postgres/copy.js';

/** Types whose values are numbers, dates or the like: never a formula, however they begin. */
const HARMLESS =
  /^(integer|bigint|smallint|numeric|real|double precision|boolean|date|time|timestamp|uuid|interval|bytea|inet)/;

/** What a spreadsheet takes for the beginning of a formula, full-width forms too (OWASP, CSV Injection). */
const BEGINNING = '^[-=+@\\t\\r\uff1d\uff0b\uff0d\uff20]';
/** A number alone: `-70.00`, `+1.234,50`. */
const NUMBER = '^[+-]?[0-9]+([.,][0-9]+)*$';

/** Whether texts of this type can be formulas. */
export function canBeFormula(type: string): boolean {
  return !HARMLESS.test(type);
}

const BEGINS = new RegExp(BEGINNING);
/**
 * What no `NUMBER` has: a beginning without a digit, an end without one, another character, two marks in a row. A
 * repetition, as there, would take the stack of JavaScript's regular expressions for a text of some million digits.
 */
const NO_NUMBER = /^(?![+-]?[0-9])|(?<![0-9])$|(?!^)[^0-9.,]|[.,]{2}/;

/** Puts an apostrophe before a text that a spreadsheet would run (OWASP ASVS 5.0, 1.2.10); a plain number stays. */
export function guardFormula(text: string): string {
  return BEGINS.test(text) && NO_NUMBER.test(text) ? `'${text}` : text;
}

/** Returns the expression that does the same in SQL; NULL stays NULL. @param value an expression of any type */
export function guardExpression(value: string): string {
  const text = `(${value})::text`;
  const runs = `${text} ~ ${quoteLiteral(BEGINNING)} AND ${text} !~ ${quoteLiteral(NUMBER)}`;
  return `CASE WHEN ${runs} THEN '''' || ${text} ELSE ${text} END`;
}
