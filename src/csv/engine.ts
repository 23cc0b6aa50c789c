import type { Dialect } from './dialect.js';
import { parsedEncoder, plainEncoder } from './encode.js';
import type { FastPath } from './fast-path.js';
import type { RecordEncoder, RecordFormat } from './record-encoder.js';
import { RecordScanner, type ScannerOptions } from './scan.js';

/** Makes the encoders and scanners of a process or thread. */
export interface CsvEngine {
  encoder(format: RecordFormat): RecordEncoder;
  scanner(options: ScannerOptions): RecordScanner;
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
  };
}

/** RFC 4180 with a delimiter of one ASCII byte: the only grammar that a fast path reads. */
function isPlain({ delimiter, quote }: Dialect): boolean {
  return quote === '"' && /^[\0-\x7f]$/.test(delimiter);
}
