import fc from 'fast-check';
import { describe, expect } from 'vitest';
import { type ErrorExtras, TaskError } from '../../src/contract/errors.js';
import type { Dialect } from '../../src/csv/dialect.js';
import { type CsvEngine, createEngine } from '../../src/csv/engine.js';
import type { RefusedRecord } from '../../src/csv/record-encoder.js';
import { RowSet } from '../../src/csv/row-set.js';
import type { RecordScanner } from '../../src/csv/scan.js';
import { CAPACITY, INPUT, MEMORY } from '../../src/kernel/instance.js';
import { kernel } from '../../src/kernel/kernel.js';

export const WITH_KERNEL = createEngine(kernel);
export const WITHOUT_KERNEL = createEngine();

/** Runs the tests of `body` with the kernel and without it: they expect the same of both. */
export function eachEngine(body: (engine: CsvEngine, hasKernel: boolean) => void): void {
  describe.each([
    ['with the kernel', WITH_KERNEL],
    ['without the kernel', WITHOUT_KERNEL],
  ])('%s', (_, engine) => body(engine, engine === WITH_KERNEL));
}

export function dialectOf(overrides: Partial<Dialect> = {}): Dialect {
  return { encoding: 'utf-8', bom: false, delimiter: ',', quote: '"', newline: '\n', header: true, ...overrides };
}

/** A scanner fed the bytes in chunks of the given sizes (repeated), the rest always put in front of the next chunk. */
export function scanChunked(
  engine: CsvEngine,
  bytes: Buffer,
  dialect: Dialect,
  columns: number,
  sizes = [Number.POSITIVE_INFINITY],
): RecordScanner {
  const scanner = engine.scanner({ dialect, columns, firstRow: 1 });
  let at = 0;
  let end = 0;
  for (let k = 0; end < bytes.length || k === 0; k++) {
    end = Math.min(bytes.length, end + sizes[k % sizes.length]);
    at += scanner.scan(bytes.subarray(at, end), { baseOffset: at, final: end === bytes.length });
  }
  return scanner;
}

export function summary(scanner: RecordScanner) {
  const { rows, malformed, malformedCount, evidence } = scanner;
  return { rows, malformed, malformedCount, evidence };
}

/** What `run` returns, or what it says is wrong with the file. */
export function attempt<T>(run: () => T): T | ({ code: string } & ErrorExtras) {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof TaskError)) throw error;
    return { code: error.code, ...error.extras };
  }
}

/** Fills the kernel's input with what would be read if it looked past the end of what it is given. */
export function poisonKernel(): void {
  // And the padding after it, for the steps of 16 bytes.
  MEMORY.subarray(INPUT, INPUT + CAPACITY + 64).fill('",\n"\n,\r"\r');
}

export interface Encoded {
  text: string;
  rows: number;
  loaded: number;
  refused: RefusedRecord[];
}

/** One output for all batches of the default size: a new MiB of zeros for each took most of the time of some tests. */
const ROOMY = Buffer.alloc(1 << 20);

/** Encodes all the bytes in batches of `maxInput` into outputs of `outSize`, fed in chunks of `chunk` bytes. */
export function encodeAll(
  engine: CsvEngine,
  bytes: Buffer,
  dialect: Dialect,
  columns: number,
  { maxInput = 1e9, outSize = ROOMY.length, chunk = 1e9, skip = new RowSet() } = {},
): Encoded {
  const encoder = engine.encoder({ dialect, columns });
  const parts: Buffer[] = [];
  const refused: RefusedRecord[] = [];
  let out = outSize === ROOMY.length ? ROOMY.fill('~', 0, 4_096) : Buffer.alloc(outSize);
  let rows = 0;
  let loaded = 0;
  let end = Math.min(bytes.length, chunk);
  for (let at = 0; at < bytes.length; ) {
    const final = end === bytes.length;
    const result = encoder.encode(bytes.subarray(0, end), { from: at, out, firstRow: rows + 1, final, skip, maxInput });
    parts.push(Buffer.from(out.subarray(0, result.written)));
    refused.push(...result.refused);
    rows += result.rows;
    loaded += result.loaded;
    at += result.consumed;
    if (result.needed !== undefined) out = Buffer.alloc(result.needed);
    else if (result.consumed === 0 && final) throw new Error('the encoder makes no headway');
    else if (result.consumed === 0) end = Math.min(bytes.length, end + chunk);
  }
  return { text: Buffer.concat(parts).toString(), rows, loaded, refused };
}

/** The rows of a batch in COPY's text format, null for NULL; each begins with its number. */
export function readCopyText(text: string): (string | null)[][] {
  const letters: Record<string, string> = { n: '\n', r: '\r', t: '\t', '\\': '\\' };
  const field = (raw: string) => (raw === '\\N' ? null : raw.replace(/\\(.)/g, (_, letter) => letters[letter]));
  expect(text).toMatch(/^([^\0\r\n]*\n)*$/);
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split('\t').map(field));
}

export const anyDialect = fc.record({
  delimiter: fc.constantFrom<Dialect['delimiter']>(',', ';', '\t', '|'),
  newline: fc.constantFrom<Dialect['newline']>('\n', '\r\n', '\r'),
});

/** Bytes made of what matters to a CSV reader. */
export const hostileText = fc
  .array(
    fc.constantFrom(
      '"',
      '""',
      ',',
      ';',
      '\n',
      '\r',
      '\r\n',
      '\0',
      'a',
      'bc ',
      '1',
      '-2.5',
      'é',
      '\t',
      '|',
      '",',
      '\n"',
      '€',
      '\\',
      '\\N',
      '\\.',
      'x'.repeat(15),
      'y'.repeat(17),
    ),
    {
      maxLength: 60,
    },
  )
  .map((parts) => parts.join(''));
