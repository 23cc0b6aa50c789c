import type { FieldList } from './field-list.js';
import { afterSpaces, isDelimiterAt, newlineAt, passEscapes, type TextGrammar } from './grammar.js';

/** How a reading ended: at a record end, in a record whose quotes are wrong, or where more bytes are needed. */
export type Outcome = 'read' | 'stray_quote' | 'unclosed_quote' | 'more';

export interface Reading {
  outcome: Outcome;
  /** End of the record's content, and first byte after its line end. */
  end: number;
  next: number;
}

/** A byte range already searched in vain for a closing quote. */
interface Unclosed {
  bytes: Buffer;
  from: number;
  to: number;
}

/** The lookahead in bytes that identifies a delimiter of up to 8 characters or a line end. */
const LOOKAHEAD = 32;

/**
 * Reads records by a grammar, which may be any; for RFC 4180 with a delimiter of one byte it agrees with `readRecord`
 * of the module csv wherever the record is well formed.
 *
 * A quote opens a field only as its first byte and closes it only before a delimiter or a line end. At any other
 * place it is text, but for RFC 4180: there it is a fault.
 */
export class RecordParser {
  outcome: Outcome = 'read';
  bytes: Buffer = Buffer.alloc(0);
  end = 0;
  final = false;
  readonly #special = new Uint8Array(256);
  readonly #reading: Reading = { outcome: 'read', end: 0, next: 0 };
  #unclosed: Unclosed | undefined;

  constructor(
    readonly grammar: TextGrammar,
    readonly fields: FieldList,
  ) {
    for (const byte of [0, 10, 13, grammar.delimiter[0]]) this.#special[byte] = 1;
    if (grammar.quote >= 0) this.#special[grammar.quote] = 1;
    if (grammar.escape >= 0) this.#special[grammar.escape] = 1;
  }

  /**
   * Reads the record at `start` into the fields. The result is one object, used over and over.
   * @param end the bytes that count
   * @param final the text ends with them
   */
  read(bytes: Buffer, start: number, end: number, final: boolean): Reading {
    const { grammar, fields } = this;
    fields.clear();
    this.bytes = bytes;
    this.end = end;
    this.final = final;
    this.outcome = 'read';
    let at = this.field(start);
    while (this.outcome === 'read' && isDelimiterAt(bytes, at, end, grammar))
      at = this.field(at + grammar.delimiter.length);
    const reading = this.#reading;
    reading.outcome = this.outcome;
    reading.end = at;
    reading.next = this.outcome === 'read' ? at + newlineAt(bytes, at, end, grammar) : at;
    return reading;
  }

  /** Continues in another buffer, which lacks the first `dropped` bytes of the text. */
  moveTo(bytes: Buffer, dropped: number): void {
    if (this.#unclosed)
      this.#unclosed = { bytes, from: this.#unclosed.from - dropped, to: this.#unclosed.to - dropped };
  }

  /** Returns the place after the field. */
  field(start: number): number {
    const at = afterSpaces(this.bytes, start, this.end, this.grammar);
    if (!this.#has(at)) return this.#stop('more', at);
    const isQuoted = at < this.end && this.bytes[at] === this.grammar.quote;
    return isQuoted ? this.#quotedField(at) : this.#plainField(at);
  }

  #plainField(start: number): number {
    const { bytes, end, grammar, fields } = this;
    let escapes: number[] | undefined;
    let i = start;
    for (; i < end; i++) {
      const byte = bytes[i];
      if (this.#special[byte] === 0) continue;
      if (!this.#has(i)) return this.#stop('more', i);
      if (isDelimiterAt(bytes, i, end, grammar) || newlineAt(bytes, i, end, grammar) > 0) break;
      if (byte === grammar.quote && grammar.isRfc) {
        fields.stray ||= fields.count + 1;
        return this.#stop('stray_quote', i);
      }
      if (byte === 0) fields.nul ||= fields.count + 1;
      if (grammar.quote < 0 && byte === grammar.escape && this.#isEscapable(i + 1)) {
        escapes ??= [];
        escapes.push(i++);
      }
    }
    if (i >= end && !this.final) return this.#stop('more', i);
    if (escapes) fields.add(without(bytes, start, i, escapes), false);
    else fields.addPlace(bytes, start, i, false);
    return i;
  }

  /** Without quotes an escape takes its meaning from delimiters, line ends and escapes. */
  #isEscapable(at: number): boolean {
    const { bytes, end, grammar } = this;
    if (at >= end) return false;
    return (
      bytes[at] === grammar.escape || isDelimiterAt(bytes, at, end, grammar) || newlineAt(bytes, at, end, grammar) > 0
    );
  }

  #quotedField(open: number): number {
    const { bytes, end, grammar, fields } = this;
    const { quote } = grammar;
    const dropped: number[] = [];
    const start = this.#afterUnclosed(open);
    let i = start;
    for (; i < end; i++) {
      const byte = bytes[i];
      if (this.#special[byte] === 0) continue;
      if (!this.#has(i)) break;
      if (byte === 0) fields.nul ||= fields.count + 1;
      else if (byte === 10 || byte === 13) fields.hasLines = true;
      if (byte === grammar.escape && grammar.escapesQuotes) {
        const last = this.#escapes(i, dropped);
        if (this.outcome !== 'read') break;
        i = last;
      } else if (byte === grammar.escape && bytes[i + 1] === byte && i + 1 < end) dropped.push(i++);
      else if (byte === quote) {
        const after = this.#closes(i + 1);
        if (this.outcome !== 'read') break;
        if (after >= 0 && start > open + 1) {
          // What was passed over has escapes, too.
          this.#unclosed = undefined;
          return this.#quotedField(open);
        }
        if (after >= 0) {
          if (dropped.length > 0) fields.add(without(bytes, open + 1, i, dropped), true);
          else fields.addPlace(bytes, open + 1, i, true);
          return after;
        }
        if (grammar.isRfc) {
          fields.stray ||= fields.count + 1;
          return this.#stop('stray_quote', i);
        }
      }
    }
    const from = start > open + 1 ? this.#unclosed!.from : open;
    this.#unclosed = { bytes, from, to: Math.min(i, end) };
    return this.#stop(this.final ? 'unclosed_quote' : 'more', open);
  }

  /**
   * Returns where to look for the quote that closes a field. Skips the range that an earlier field has searched in
   * vain, so that lines full of opening quotes take no longer than others. Whether a quote closes a field depends only
   * on the bytes around it, except for quotes right after the opening one.
   */
  #afterUnclosed(open: number): number {
    const { bytes, grammar } = this;
    const known = this.#unclosed;
    if (known?.bytes !== bytes || open < known.from) return open + 1;
    let run = open + 1;
    while (run < known.to && bytes[run] === grammar.quote) run++;
    if (run >= known.to) return open + 1;
    const isPaired = grammar.escape === grammar.quote && (run - open - 1) % 2 === 0;
    if (run === open + 1 || isPaired) return known.to;
    const closes = this.#closes(run) >= 0 || this.outcome !== 'read';
    this.outcome = 'read';
    return closes ? open + 1 : known.to;
  }

  /** Returns the last byte of the run; more are needed where it reaches the end of those at hand. */
  #escapes(first: number, dropped: number[]): number {
    const { bytes, end, grammar } = this;
    const last = passEscapes(bytes, first, end, grammar, dropped);
    if (last + 1 >= end && bytes[last] === grammar.escape && !this.final) this.outcome = 'more';
    return last;
  }

  /** Returns the place after a closing quote and the spaces that follow it if the field ends there, else -1. */
  #closes(at: number): number {
    const { bytes, end, grammar } = this;
    const after = afterSpaces(bytes, at, end, grammar);
    if (!this.#has(after)) {
      this.outcome = 'more';
      return -1;
    }
    if (after >= end || isDelimiterAt(bytes, after, end, grammar)) return after;
    return newlineAt(bytes, after, end, grammar) > 0 ? after : -1;
  }

  #has(at: number): boolean {
    return this.final || at + LOOKAHEAD <= this.end;
  }

  #stop(outcome: Outcome, at: number): number {
    this.outcome = outcome;
    return at;
  }
}

/** Returns the bytes from `start` to `end` without those at the places given, which rise. */
export function without(bytes: Buffer, start: number, end: number, places: number[] = []): Buffer {
  if (places.length === 0) return bytes.subarray(start, end);
  const content = Buffer.allocUnsafe(end - start - places.length);
  let to = 0;
  let from = start;
  for (const place of places) {
    to += bytes.copy(content, to, from, place);
    from = place + 1;
  }
  bytes.copy(content, to, from, end);
  return content;
}
