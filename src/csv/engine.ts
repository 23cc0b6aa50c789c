import type { Dialect } from './dialect.js';
import { parsedEncoder, plainEncoder } from './encode.js';
import type { FastPath } from './fast-path.js';
import { PlainRun, type PlainRunFormat } from './plain-run.js';
import type { RecordEncoder, RecordFormat } from './record-encoder.js';
import { RecordScanner, type ScannerOptions } from './scan.js';
import { LEFT_BYTES, MAX_LEFT } from './type-codes.js';

const QUOTE = 34;

/** Makes the encoders and scanners of a process or thread. */
export interface CsvEngine {
  encoder(format: RecordFormat): RecordEncoder;
  scanner(options: ScannerOptions): RecordScanner;
  /** Undefined where no fast path reads the format: then its records are read one by one, with the same result. */
  plainRun(format: PlainRunFormat): PlainRun | undefined;
}

/** @param fastPath for plain dialects; results are the same without it */
export function createEngine(fastPath?: FastPath): CsvEngine {
  const fastPathFor = (dialect: Dialect) => (isPlain(dialect) ? fastPath : undefined);
  return {
    encoder: (format) => {
      const fast = fastPathFor(format.dialect);
      return fast ? plainEncoder(format, fast) : parsedEncoder(format);
    },
    scanner: (options) => new RecordScanner(options, fastPathFor(options.dialect)),
    plainRun: (format) => {
      const fast = fastPathFor(format.dialect);
      const left = format.left.map(written);
      const fits = left.length <= MAX_LEFT && left.every(({ length }) => length <= LEFT_BYTES);
      return fast && fits ? new PlainRun({ ...format, left }, fast) : undefined;
    },
  };
}

/** Returns a value as the fast path sees it in a record: a quote in it is doubled. */
function written(value: Buffer): Buffer {
  return value.includes(QUOTE) ? Buffer.from(value.toString('latin1').replaceAll('"', '""'), 'latin1') : value;
}

/** RFC 4180 with a delimiter of one ASCII byte: the only grammar that a fast path reads. */
function isPlain({ delimiter, quote }: Dialect): boolean {
  return quote === '"' && /^[\0-\x7f]$/.test(delimiter);
}
