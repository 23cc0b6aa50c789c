import type { FastPath } from '../csv/fast-path.js';
import { PlainEncoder } from './plain-encoder.js';
import { PlainScanner } from './plain-scanner.js';

/** The fast path in WebAssembly, for `createEngine`. */
export const kernel: FastPath = {
  encoder: (grammar, columns) => new PlainEncoder(grammar, columns),
  scanner: (grammar, evidence, maxRecordBytes) => new PlainScanner(grammar, evidence, maxRecordBytes),
};
