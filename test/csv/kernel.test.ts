import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Dialect } from '../../src/csv/dialect.js';
import { type CsvEngine, createEngine } from '../../src/csv/engine.js';
import type { FastPath } from '../../src/csv/fast-path.js';
import { RowSet } from '../../src/csv/row-set.js';
import { kernel } from '../../src/kernel/kernel.js';
import {
  anyDialect,
  attempt,
  dialectOf,
  encodeAll,
  hostileText,
  poisonKernel,
  scanChunked,
  summary,
  WITH_KERNEL,
  WITHOUT_KERNEL,
} from './support.js';

const RUNS = { numRuns: 3000 };
const chunks = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 5 });

/** Values of one kind each, at the limits of their type, and some that almost are of it. */
const KINDS = [
  fc.oneof(
    fc.integer({ min: -(2 ** 31) - 2, max: 2 ** 31 + 1 }).map(String),
    fc.constantFrom('0', '-0', '00', '7', '-'),
  ),
  fc.oneof(nearby(2n ** 31n), nearby(2n ** 63n), fc.bigInt({ min: -(10n ** 19n), max: 10n ** 19n }).map(String)),
  fc.stringMatching(/^-?[0-9]{1,20}(\.[0-9]{0,4})?$/),
  fc.nat(3).map((more) => `${'9'.repeat(58 + more)}.${'1'.repeat(40)}`),
  fc.stringMatching(/^(0000|2023|2024|1900|2000)-[01][0-9]-[0-3][0-9]$/),
  fc.stringMatching(/^2024-02-(28|29|30) [0-2][0-9]:[0-6][0-9]:[0-6][0-9](\.[0-9]{0,7})?$/),
  fc.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-g]{12}$/),
  fc.stringMatching(/^[0-9.:e +-]{1,18}$/),
];

function nearby(limit: bigint) {
  return fc.tuple(fc.boolean(), fc.bigInt({ min: -2n, max: 2n })).map(([neg, by]) => `${neg ? '-' : ''}${limit + by}`);
}

const column = fc
  .constantFrom(...KINDS)
  .chain((kind) =>
    fc.array(fc.oneof({ arbitrary: kind, weight: 9 }, fc.constant('')), { minLength: 30, maxLength: 30 }),
  );

test('a scan finds the same records, faults, evidence, errors and ends with the kernel and without it', () => {
  const limits = fc.record({ stopAt: fc.nat(400), maxRecordBytes: fc.integer({ min: 4, max: 64 }) });
  fc.assert(
    fc.property(
      hostileText,
      anyDialect,
      fc.integer({ min: 1, max: 4 }),
      chunks,
      limits,
      (text, form, columns, sizes, limit) => {
        const bytes = Buffer.from(text);
        const dialect = dialectOf(form);
        poisonKernel();
        const scan = (engine: CsvEngine) => attempt(() => summary(scanChunked(engine, bytes, dialect, columns, sizes)));
        expect(scan(WITH_KERNEL)).toEqual(scan(WITHOUT_KERNEL));
        const cut = (engine: CsvEngine) => attempt(() => scanOnce(engine, bytes, dialect, columns, limit));
        expect(cut(WITH_KERNEL)).toEqual(cut(WITHOUT_KERNEL));
      },
    ),
    RUNS,
  );
});

test('a column gets the same type from the same rows with the kernel and without it', () => {
  fc.assert(
    fc.property(column, column, fc.boolean(), (left, right, quoted) => {
      const write = (value: string) => (quoted && value ? `"${value}"` : value);
      const bytes = Buffer.from(left.map((value, k) => `${write(value)},${write(right[k]!)}\n`).join(''));
      const scan = (engine: CsvEngine) => summary(scanChunked(engine, bytes, dialectOf(), 2));
      expect(scan(WITH_KERNEL)).toEqual(scan(WITHOUT_KERNEL));
    }),
    RUNS,
  );
});

test('batches of any size and output are the same bytes with the kernel and without it', () => {
  const options = fc.record({
    maxInput: fc.integer({ min: 1, max: 200 }),
    outSize: fc.integer({ min: 1, max: 100 }),
    chunk: fc.integer({ min: 1, max: 90 }),
    rows: fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 4 }),
  });
  fc.assert(
    fc.property(
      hostileText,
      anyDialect,
      fc.integer({ min: 1, max: 4 }),
      options,
      (text, form, columns, { rows, ...cut }) => {
        const bytes = Buffer.from(text);
        poisonKernel();
        const encode = (engine: CsvEngine) =>
          attempt(() => encodeAll(engine, bytes, dialectOf(form), columns, { ...cut, skip: new RowSet(rows) }));
        expect(encode(WITH_KERNEL)).toEqual(encode(WITHOUT_KERNEL));
      },
    ),
    RUNS,
  );
});

test('invalid UTF-8 is found at the same place with the kernel and without it', () => {
  const bytes = Buffer.from(`${'a,b\n'.repeat(50_000)}c,\xe9\n${'a,b\n'.repeat(50_000)}`, 'latin1');
  const scan = (engine: CsvEngine) => attempt(() => summary(scanChunked(engine, bytes, dialectOf(), 2, [70_001])));
  expect(scan(WITH_KERNEL)).toMatchObject({ code: 'invalid_utf8', row: 50_001, byte_offset: 200_002 });
  expect(scan(WITHOUT_KERNEL)).toEqual(scan(WITH_KERNEL));
});

test('the dialect alone decides whether the fast path is used', () => {
  const asked: string[] = [];
  const watched: FastPath = {
    encoder: (...args) => {
      asked.push('encoder');
      return kernel.encoder(...args);
    },
    scanner: (...args) => {
      asked.push('scanner');
      return kernel.scanner(...args);
    },
  };
  const engine = createEngine(watched);
  const make = (dialect: Dialect) => {
    engine.encoder({ dialect, columns: 2 });
    engine.scanner({ dialect, columns: 2, firstRow: 1 });
  };
  for (const other of [{ delimiter: '||' }, { delimiter: '\u00a7' }, { quote: "'" }]) make(dialectOf(other as never));
  expect(asked).toEqual([]);
  make(dialectOf({ delimiter: '|' }));
  expect(asked).toEqual(['encoder', 'scanner']);
});

/** One scan of all the bytes that ends early, at an offset or at a record that is too long. */
function scanOnce(
  engine: CsvEngine,
  bytes: Buffer,
  dialect: Dialect,
  columns: number,
  { stopAt, maxRecordBytes }: { stopAt: number; maxRecordBytes: number },
) {
  const scanner = engine.scanner({ dialect, columns, firstRow: 10, maxRecordBytes });
  const consumed = scanner.scan(bytes, { baseOffset: 0, final: true, stopAt });
  return { consumed, stopped: scanner.stopped, ...summary(scanner) };
}
