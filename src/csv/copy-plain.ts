import { CR, type Grammar, LF, QUOTE } from './record.js';
import type { RowCounter } from './row-counter.js';

/** An encoding under way. */
export interface Batch {
  /** Next byte of input, and where to stop: at the first record end that reaches it. */
  at: number;
  stop: number;
  out: Buffer;
  written: number;
  counter: RowCounter;
  skip: ((row: number) => boolean) | undefined;
  loaded: number;
  /** The next record does not fit into what is left of `out`. */
  full: boolean;
}

/**
 * The encoder's quick path: copies records that COPY reads as they are, and stops before the first one that is not such a
 * record, is to be skipped, or does not fit.
 * @param limit index of the last eol byte in `bytes`
 */
export function copyPlainRecords(bytes: Buffer, limit: number, grammar: Grammar, columns: number, batch: Batch): void {
  const { out, counter, skip, stop } = batch;
  const source = new DataView(bytes.buffer, bytes.byteOffset, limit + 1);
  const target = new DataView(out.buffer, out.byteOffset, out.length);
  let start = batch.at;
  let written = batch.written;
  let loaded = 0;
  while (start <= limit && start < stop) {
    if (skip?.(counter.value) || written + counter.width + 1 >= out.length) break;
    const to = counter.write(out, written);
    out[to] = grammar.delimiter;
    const shift = to + 1 - start;
    const end = copyPlainRecord(source, target, start, limit, shift, grammar);
    if (end < 0) break;
    if (end > start || columns === 1) {
      out[end + shift] = LF;
      written = end + shift + 1;
      loaded++;
      counter.increment();
    }
    start = bytes[end] === grammar.eol ? end + 1 : end + 2;
  }
  batch.at = start;
  batch.written = written;
  batch.loaded += loaded;
}

// Where in a record a special byte stands. DOUBLED: the quote after a quote inside quotes comes next.
const PLAIN = 0;
const QUOTED = 1;
const DOUBLED = 2;
const ENDED = 3;
const ODD = 4;

/**
 * Copies the record at `start` to `start + shift` and returns the index of its terminator; -1 for a record with a stray
 * quote, NUL or bare line end, for one that is not complete, and where the copy and one more byte do not fit.
 *
 * Takes four bytes at a time: the flags are Mycroft's test for zero bytes, true for bytes below 14 and quotes (and now and
 * then for a byte above one of these, which `step` lets pass). Measured on sales data: 340 MB/s byte by byte, 600 with
 * search and copy one after the other, 780 so; native indexOf and copy cost more per call than a record of 130 bytes.
 */
function copyPlainRecord(
  source: DataView,
  target: DataView,
  start: number,
  limit: number,
  shift: number,
  grammar: Grammar,
): number {
  const room = target.byteLength - shift;
  const wordEnd = Math.min(limit, room) - 3;
  let state = PLAIN;
  let i = start;
  for (; i < wordEnd; i += 4) {
    const word = source.getInt32(i, true);
    target.setInt32(i + shift, word, true);
    const quotes = word ^ 0x22222222;
    let flags = (((word - 0x0e0e0e0e) & ~word) | ((quotes - 0x01010101) & ~quotes)) & 0x80808080;
    while (flags !== 0) {
      const at = i + ((31 - Math.clz32(flags & -flags)) >> 3);
      state = step(source, at, start, state, grammar);
      if (state === ENDED) return at;
      if (state === ODD) return -1;
      flags &= flags - 1;
    }
  }
  for (; i <= limit && i < room; i++) {
    state = step(source, i, start, state, grammar);
    if (state === ENDED) return i;
    if (state === ODD) return -1;
    target.setUint8(i + shift, source.getUint8(i));
  }
  return -1;
}

function step(source: DataView, at: number, start: number, state: number, { delimiter, eol }: Grammar): number {
  const byte = source.getUint8(at);
  if (byte === QUOTE) {
    if (state === DOUBLED) return QUOTED;
    if (state === PLAIN) return at === start || source.getUint8(at - 1) === delimiter ? QUOTED : ODD;
    const after = source.getUint8(at + 1);
    if (after === QUOTE) return DOUBLED;
    return after === delimiter || after === eol || after === CR ? PLAIN : ODD;
  }
  if (byte === 0) return ODD;
  if (state === QUOTED) return QUOTED;
  if (byte === eol) return ENDED;
  if (byte !== CR && byte !== LF) return state;
  return byte === CR && source.getUint8(at + 1) === LF ? ENDED : ODD;
}
