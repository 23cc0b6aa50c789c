import { NUMBER_FORMS, type NumberForm } from '../contract/number-forms.js';
import { isDigit } from './type-of-value.js';
import type { FormName } from './value-form.js';

/** Says at once that a value has a form: true is certain, false is not. Reads bytes, and makes no string of them. */
export type FormMatcher = (bytes: Uint8Array, start: number, end: number) => boolean;

const MINUS = 45;
const ZERO = 48;

const matchers = new Map<FormName, FormMatcher>();

/** Returns the matcher of a form, which is made once. */
export function matcherOf(form: FormName): FormMatcher {
  let matcher = matchers.get(form);
  if (!matcher) {
    matcher = makeMatcher(form);
    matchers.set(form, matcher);
  }
  return matcher;
}

function makeMatcher(form: FormName): FormMatcher {
  if (/YYYY|HH24/.test(form)) return momentMatcher(form);
  const number = NUMBER_FORMS.get(form);
  if (number) return numberMatcher(number);
  const words = form.split('/').map((word) => Buffer.from(word));
  return words.length === 2 ? (...value) => words.some((word) => isWord(word, ...value)) : () => false;
}

function isWord(word: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start !== word.length) return false;
  for (let k = 0; k < word.length; k++) if (bytes[start + k] !== word[k]) return false;
  return true;
}

/** Two digits and their range; a day after the 28th depends on its month. */
const FIELDS: Record<string, [min: number, max: number]> = {
  MM: [1, 12],
  DD: [1, 28],
  FMMM: [1, 12],
  FMDD: [1, 28],
  HH24: [0, 23],
  MI: [0, 59],
  SS: [0, 59],
};
const TOKEN = /FMMM|FMDD|YYYY|MM|DD|HH24|MI|SS|F\d?|"[^"]*"|./g;

type Step = (bytes: Uint8Array, at: number, end: number) => number;
const FAILED = -1;

/** Each step returns the place after what it has read, or FAILED. */
function momentMatcher(form: FormName): FormMatcher {
  const optional = form.endsWith('.F') || form.includes('.F"');
  const steps = (optional ? form.replace('.F', 'F') : form).match(TOKEN)!.map(stepOf);
  return (bytes, start, end) => {
    let at = start;
    for (let k = 0; k < steps.length && at !== FAILED; k++) at = steps[k]!(bytes, at, end);
    return at === end;
  };
}

function stepOf(token: string): Step {
  if (token === 'YYYY') return year;
  if (token === 'F') return shortestFraction;
  if (/^F\d$/.test(token)) return (bytes, at, end) => digits(bytes, at, end, Number(token[1]));
  const range = FIELDS[token];
  if (range) return token.startsWith('FM') ? bareField(...range) : paddedField(...range);
  const literal = Buffer.from(token.replaceAll('"', ''));
  return (bytes, at, end) =>
    at + literal.length <= end && isWord(literal, bytes, at, at + literal.length) ? at + literal.length : FAILED;
}

function year(bytes: Uint8Array, at: number, end: number): number {
  // Year 0 is none.
  return bytes[at] === ZERO ? FAILED : digits(bytes, at, end, 4);
}

function shortestFraction(bytes: Uint8Array, at: number, end: number): number {
  return bytes[at] === 46 && at < end ? FAILED : at;
}

function digits(bytes: Uint8Array, at: number, end: number, count: number): number {
  if (at + count > end) return FAILED;
  for (let k = 0; k < count; k++) if (!isDigit(bytes[at + k]!)) return FAILED;
  return at + count;
}

function paddedField(min: number, max: number): Step {
  return (bytes, at, end) => {
    if (at + 2 > end || !isDigit(bytes[at]!) || !isDigit(bytes[at + 1]!)) return FAILED;
    const value = (bytes[at]! - ZERO) * 10 + bytes[at + 1]! - ZERO;
    return value >= min && value <= max ? at + 2 : FAILED;
  };
}

function bareField(min: number, max: number): Step {
  const padded = paddedField(Math.max(min, 10), max);
  return (bytes, at, end) => {
    if (at >= end || !isDigit(bytes[at]!) || bytes[at] === ZERO) return FAILED;
    return at + 1 < end && isDigit(bytes[at + 1]!) ? padded(bytes, at, end) : at + 1;
  };
}

/** Numbers with a sign between thousands of one byte, or none. */
function numberMatcher({ group, decimal }: NumberForm): FormMatcher {
  if (group > '\x7f') return () => false;
  const groupByte = group === '' ? -1 : group.charCodeAt(0);
  const decimalByte = decimal.charCodeAt(0);
  return (bytes, start, end) => {
    let at = bytes[start] === MINUS ? start + 1 : start;
    if (end - at > 30 || at >= end || !(bytes[at]! > ZERO && bytes[at]! <= ZERO + 9)) return false;
    const first = at;
    while (at < end && isDigit(bytes[at]!)) at++;
    if (groupByte >= 0) {
      if (at - first > 3) return false;
      while (at < end && bytes[at] === groupByte) {
        at = digits(bytes, at + 1, end, 3);
        if (at === FAILED) return false;
      }
    }
    if (at === end) return true;
    if (bytes[at] !== decimalByte || at + 1 === end) return false;
    return digits(bytes, at + 1, end, end - at - 1) === end;
  };
}
