import type { EvidenceCollector } from './evidence-collector.js';
import { CR, type Grammar, LF, QUOTE } from './record.js';
import {
  BIGINT,
  INTEGER,
  joinTypes,
  MAX_DIGITS,
  NONE,
  NUMERIC,
  TEXT,
  type TypeCode,
  typeOfValue,
} from './value-type.js';

/** Digits that fit a type whatever they are. */
const SAFE_DIGITS = new Uint8Array(8);
SAFE_DIGITS[INTEGER] = 9;
SAFE_DIGITS[BIGINT] = 18;
SAFE_DIGITS[NUMERIC] = MAX_DIGITS;

/**
 * The scanner's quick path: runs over records that are well formed and confirm what their columns are known to be, and
 * stops before the first one that is not, which `readRecord` then reads. It allocates nothing and changes no evidence
 * but the count of NULLs.
 */
export class PlainRunner {
  /** Results of the last run. */
  rows = 0;
  blankLines = 0;
  stopped = false;
  /** Columns that are NULL in the record at hand: counted when the record is known to be well formed. */
  readonly #nullColumns: Uint16Array;

  constructor(
    private readonly grammar: Grammar,
    private readonly collector: EvidenceCollector,
    private readonly maxRecordBytes: number,
  ) {
    this.#nullColumns = new Uint16Array(collector.types.length);
  }

  /**
   * @param limit index of the last eol byte: an unquoted field cannot run past it, so the inner loops need no end check
   * @param stop index: stop at the first record end that reaches it
   * @returns the start of the first record not taken
   */
  run(bytes: Buffer, from: number, limit: number, stop: number): number {
    const { delimiter, eol, special } = this.grammar;
    const { types, nulls } = this.collector;
    const nullColumns = this.#nullColumns;
    const last = types.length - 1;
    const maxRecordBytes = this.maxRecordBytes;
    const source = new DataView(bytes.buffer, bytes.byteOffset, limit + 1);
    const wordEnd = limit - 3;
    const delimiterWord = delimiter * 0x01010101;
    let rows = 0;
    let blankLines = 0;
    let stopped = false;
    let start = from;

    records: while (start <= limit) {
      let i = start;
      let nullCount = 0;
      for (let c = 0; ; c++) {
        let byte = bytes[i];
        const type = types[c];
        if (byte === delimiter || byte === eol || (byte === CR && bytes[i + 1] === LF)) {
          nullColumns[nullCount++] = c;
        } else if (type === TEXT && byte !== QUOTE) {
          for (;;) {
            while (i < wordEnd) {
              const word = source.getInt32(i, true);
              const quotes = word ^ 0x22222222;
              const delimiters = word ^ delimiterWord;
              const flags =
                (((word - 0x0e0e0e0e) & ~word) |
                  ((quotes - 0x01010101) & ~quotes) |
                  ((delimiters - 0x01010101) & ~delimiters)) &
                0x80808080;
              if (flags !== 0) {
                i += (31 - Math.clz32(flags & -flags)) >> 3;
                break;
              }
              i += 4;
            }
            byte = bytes[i];
            while (special[byte] === 0) byte = bytes[++i];
            // Of the special bytes a bare CR (in CR files an LF) is data.
            if (byte === delimiter || byte === eol || byte === QUOTE || byte === 0) break;
            if (byte === CR && bytes[i + 1] === LF) break;
            byte = bytes[++i];
          }
        } else if (type === TEXT) {
          for (;;) {
            byte = bytes[++i];
            while (byte !== QUOTE && byte !== 0 && i < limit) byte = bytes[++i];
            if (byte !== QUOTE || i >= limit) break records;
            byte = bytes[++i];
            if (byte !== QUOTE) break;
          }
        } else if (type === NONE) {
          break records;
        } else {
          const quoted = byte === QUOTE;
          if (quoted) byte = bytes[++i];
          const value = i;
          if (type <= NUMERIC) {
            const negative = byte === 45;
            if (negative) byte = bytes[++i];
            const zero = byte === 48;
            const digits = i;
            while (byte >= 48 && byte <= 57) byte = bytes[++i];
            let length = i - digits;
            let odd = length === 0 || (zero && (negative || length > 1));
            if (byte === 46 && type === NUMERIC) {
              const point = i;
              do byte = bytes[++i];
              while (byte >= 48 && byte <= 57);
              length += i - point - 1;
              if (i - point === 1) odd = true;
            }
            if (odd || length > SAFE_DIGITS[type]) {
              if (joinTypes(type as TypeCode, typeOfValue(bytes, value, i)) !== type) break records;
            }
          } else {
            while (special[byte] === 0) byte = bytes[++i];
            if (typeOfValue(bytes, value, i) !== type) break records;
          }
          if (quoted) {
            if (byte !== QUOTE || i >= limit) break records;
            byte = bytes[++i];
          }
        }

        if (byte === delimiter) {
          if (c === last) break records;
          i++;
          continue;
        }
        if (byte === CR && eol === LF && bytes[i + 1] === LF) i++;
        else if (byte !== eol) break records;
        i++;
        if (c === last) break;
        if (c > 0 || nullCount === 0) break records;
        // Nothing before the line end, in a file of two or more columns.
        nullCount = -1;
        break;
      }

      if (i - start > maxRecordBytes) break;
      start = i;
      if (nullCount < 0) {
        blankLines++;
        continue;
      }
      rows++;
      for (let k = 0; k < nullCount; k++) nulls[nullColumns[k]]++;
      if (i >= stop) {
        stopped = true;
        break;
      }
    }

    this.rows = rows;
    this.blankLines = blankLines;
    this.stopped = stopped;
    return start;
  }
}
