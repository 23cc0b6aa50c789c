import { isNumeric } from './spell-number.js';

/** Far below the depth at which PostgreSQL's stack (max_stack_depth, 2 MB) ends. */
const MAX_DEPTH = 1_000;

/** Checks a JSON document (RFC 8259), which json keeps as it is. */
export function isJson(text: string): boolean {
  return parse(text) !== undefined && layoutOf(text).depth <= MAX_DEPTH;
}

/**
 * Checks a JSON document that jsonb can keep without a loss: no key twice in an object, no number beyond those of numeric, no
 * U+0000 and no half of a surrogate pair.
 */
export function isJsonb(text: string): boolean {
  const value = parse(text);
  if (value === undefined) return false;
  const { depth, members, hasNumbers } = layoutOf(text);
  return depth <= MAX_DEPTH && hasNumbers && countMembers(value) === members;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

interface Layout {
  depth: number;
  /** Keys in all objects together, as written. */
  members: number;
  /** All numbers are those of numeric. */
  hasNumbers: boolean;
}

const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

/** Reads the layout of a valid document. */
function layoutOf(text: string): Layout {
  const layout = { depth: 0, members: 0, hasNumbers: true };
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!;
    if (char === '"') i = endOfString(text, i);
    else if (char === '[' || char === '{') layout.depth = Math.max(layout.depth, ++depth);
    else if (char === ']' || char === '}') depth--;
    else if (char === ':') layout.members++;
    else if (char === '-' || (char >= '0' && char <= '9')) {
      NUMBER.lastIndex = i;
      const [number] = NUMBER.exec(text)!;
      if (!isNumeric(number)) layout.hasNumbers = false;
      i += number.length - 1;
    }
  }
  return layout;
}

function endOfString(text: string, start: number): number {
  let i = start + 1;
  while (text[i] !== '"') i += text[i] === '\\' ? 2 : 1;
  return i;
}

/** Members of all objects together, of which equal keys are one; NaN where a text cannot be stored. */
function countMembers(value: unknown): number {
  if (typeof value === 'string') return isStorable(value) ? 0 : Number.NaN;
  if (typeof value !== 'object' || value === null) return 0;
  if (Array.isArray(value)) return value.reduce((sum: number, item) => sum + countMembers(item), 0);
  let members = 0;
  for (const [key, item] of Object.entries(value)) members += (isStorable(key) ? 1 : Number.NaN) + countMembers(item);
  return members;
}

function isStorable(text: string): boolean {
  return !/[\0\ud800-\udfff]/u.test(text);
}
