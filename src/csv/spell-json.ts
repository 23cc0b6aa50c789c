import { isNumeric } from './spell-number.js';

/** Far below the depth at which PostgreSQL's stack (max_stack_depth, 2 MB) ends. */
const MAX_DEPTH = 1_000;

/** Checks a JSON document (RFC 8259), which json keeps as it is. */
export function isJson(text: string): boolean {
  return new Reader(text, false).isDocument();
}

/**
 * Checks a JSON document that jsonb can keep without a loss: no key twice in an object, no number beyond those of
 * numeric, no U+0000 and no half of a surrogate pair.
 */
export function isJsonb(text: string): boolean {
  return new Reader(text, true).isDocument();
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /true|false|null/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const BROKEN = -1;

/**
 * Reads a document without making values of it, which may take many times its bytes. Each method returns the end of the
 * token that it has read.
 */
class Reader {
  constructor(
    private readonly text: string,
    private readonly isForJsonb: boolean,
  ) {}

  isDocument(): boolean {
    const end = this.#value(this.#space(0), 0);
    return end !== BROKEN && this.#space(end) === this.text.length;
  }

  #value(at: number, depth: number): number {
    const first = this.text[at];
    if (first === '"') return this.#string(at);
    if (first === '{' || first === '[') return depth < MAX_DEPTH ? this.#items(at, depth + 1, first === '{') : BROKEN;
    const end = this.#match(WORD, at);
    return end === BROKEN ? this.#number(at) : end;
  }

  /** An object or an array. */
  #items(open: number, depth: number, isObject: boolean): number {
    const keys = new Set<string>();
    const close = isObject ? '}' : ']';
    let at = this.#space(open + 1);
    if (this.text[at] === close) return at + 1;
    for (;;) {
      if (isObject) at = this.#key(at, keys);
      if (at === BROKEN) return BROKEN;
      at = this.#value(at, depth);
      if (at === BROKEN) return BROKEN;
      at = this.#space(at);
      if (this.text[at] === close) return at + 1;
      if (this.text[at] !== ',') return BROKEN;
      at = this.#space(at + 1);
    }
  }

  /** A key, its colon, and the space after both. */
  #key(at: number, keys: Set<string>): number {
    if (this.text[at] !== '"') return BROKEN;
    const end = this.#string(at);
    if (end === BROKEN) return BROKEN;
    if (this.isForJsonb) {
      const key = this.#textOf(at, end);
      if (keys.has(key)) return BROKEN;
      keys.add(key);
    }
    const colon = this.#space(end);
    return this.text[colon] === ':' ? this.#space(colon + 1) : BROKEN;
  }

  #string(open: number): number {
    for (let at = open + 1; ; at++) {
      const code = this.text.charCodeAt(at);
      // NaN at the end of the text.
      if (!(code >= 0x20)) return BROKEN;
      if (code === 0x22) return this.#isStorable(open, at + 1) ? at + 1 : BROKEN;
      if (code !== 0x5c) continue;
      const end = this.#match(ESCAPE, at);
      if (end === BROKEN) return BROKEN;
      at = end - 1;
    }
  }

  #isStorable(open: number, end: number): boolean {
    return !this.isForJsonb || !/[\0\ud800-\udfff]/u.test(this.#textOf(open, end));
  }

  /** Returns the text that a string represents. */
  #textOf(open: number, end: number): string {
    const written = this.text.slice(open + 1, end - 1);
    return written.includes('\\') ? JSON.parse(this.text.slice(open, end)) : written;
  }

  #number(at: number): number {
    const end = this.#match(NUMBER, at);
    return end !== BROKEN && this.isForJsonb && !isNumeric(this.text.slice(at, end)) ? BROKEN : end;
  }

  #space(at: number): number {
    let end = at;
    while (' \t\n\r'.includes(this.text[end] ?? '-')) end++;
    return end;
  }

  #match(pattern: RegExp, at: number): number {
    pattern.lastIndex = at;
    return pattern.test(this.text) ? pattern.lastIndex : BROKEN;
  }
}
