import { nextLine } from '../dialect/decode-lines.js';
import type { SourceLines } from './source-lines.js';

/** A block of lines, and how far in it places of the text are known in the source. */
interface Segment {
  textFrom: number;
  lines: SourceLines;
  text: number;
  source: number;
}

/**
 * Finds the bytes in a file of a record in its decoded text. Line ends are the same in both, so they are counted, from
 * record to record: each byte once. Offsets count from the beginning of the text.
 */
export class SourceMap {
  readonly #encoding: string;
  #segments: Segment[] = [];
  #textEnd = 0;

  constructor(encoding: string) {
    this.#encoding = encoding;
  }

  add(lines: SourceLines): void {
    this.#segments.push({ textFrom: this.#textEnd, lines, text: 0, source: 0 });
    this.#textEnd += lines.text.length;
  }

  /** Forgets what is before a place of the text. */
  dropBefore(text: number): void {
    while (this.#segments[0] && endOf(this.#segments[0]) <= text) this.#segments.shift();
  }

  /** Returns the offset in the file of a place of the text, where a record begins or ends. Places rise. */
  offsetAt(text: number): number {
    const { segment, at } = this.#placeOf(text);
    return segment ? segment.lines.sourceOffset + at : 0;
  }

  /** Returns the bytes of the file for a stretch of the text from one line end to another. */
  bytes(from: number, to: number): Buffer {
    const start = this.#placeOf(from);
    const end = this.#placeOf(to);
    if (!start.segment || !end.segment) return Buffer.alloc(0);
    const pieces: Buffer[] = [];
    for (let k = this.#segments.indexOf(start.segment); k <= this.#segments.indexOf(end.segment); k++) {
      const { source } = this.#segments[k]!.lines;
      const isFirst = this.#segments[k] === start.segment;
      pieces.push(source.subarray(isFirst ? start.at : 0, this.#segments[k] === end.segment ? end.at : source.length));
    }
    return Buffer.concat(pieces);
  }

  #placeOf(text: number): { segment: Segment | undefined; at: number } {
    const segment = this.#segments.find((one) => text < endOf(one)) ?? this.#segments.at(-1);
    if (!segment) return { segment, at: 0 };
    const to = text - segment.textFrom;
    if (to >= segment.lines.text.length) return { segment, at: segment.lines.source.length };
    this.#advance(segment, to);
    return { segment, at: segment.source };
  }

  /** Moves what is known of a segment to a place that is after it: at a line's beginning, or before its line end. */
  #advance(segment: Segment, to: number): void {
    const { text, source } = segment.lines;
    if (to < segment.text) segment.text = segment.source = 0;
    const between = text.subarray(segment.text, to);
    if (this.#encoding === 'utf-8' && segment.lines.bad.length === 0) segment.source = to;
    else if (this.#encoding.startsWith('utf-16')) segment.source += 2 * between.toString('utf8').length;
    else {
      const marks = countMarks(between);
      const from = segment.source + marks * (this.#encoding === 'utf-8' ? MARK.length : GB_MARK_BYTES);
      segment.source = this.#afterLines(source, from, between.subarray(marks * MARK.length), text[to]!);
    }
    segment.text = to;
  }

  #afterLines(source: Buffer, from: number, between: Buffer, next: number): number {
    let at = from;
    let last = 0;
    for (let i = 0; i < between.length; i++) {
      if (between[i] !== 10 && between[i] !== 13) continue;
      at = nextLine(source, at, this.#encoding);
      last = i + 1;
    }
    if (last === between.length) return at;
    const end = nextLine(source, at, this.#encoding);
    return next === 10 || next === 13 ? end - 1 : end;
  }
}

const MARK = Buffer.from('\ufeff');
/** In GB 18030, the only other encoding that has the mark. */
const GB_MARK_BYTES = 4;

/** Byte order marks at the beginning of the text: the first record may begin after them, inside its line. */
function countMarks(text: Buffer): number {
  let marks = 0;
  while (text.subarray(marks * MARK.length, (marks + 1) * MARK.length).equals(MARK)) marks++;
  return marks;
}

function endOf({ textFrom, lines }: Segment): number {
  return textFrom + lines.text.length;
}
