import type { Dialect } from '../src/csv/dialect.js';
import { detectDialect } from '../src/csv/dialect.js';
import { type CsvEngine, createEngine } from '../src/csv/engine.js';
import { columnType } from '../src/csv/evidence.js';
import { readHeader } from '../src/csv/header.js';
import { kernel } from '../src/kernel/kernel.js';

// Speed of the CSV engine on sales-like data in memory, in MB (10^6 bytes) per second of CPU time, best of a few
// rounds. `node bench/csv-scan.js [MB]` after compiling; 130 MB by default.

const ENGINES = [
  ['with the kernel', createEngine(kernel)],
  ['without the kernel', createEngine()],
] as const;

const MEGABYTE = 1e6;
const CHUNK = 1024 * 1024;
const BATCH = 1024 * 1024;
const ROUNDS = 8;

const HEADER =
  'Region,Country,Item Type,Sales Channel,Order Priority,Order Date,Order ID,Ship Date,Units Sold,Unit Price,Unit Cost,' +
  'Total Revenue,Total Cost,Total Profit';
const REGIONS = [
  'Sub-Saharan Africa',
  'Europe',
  'Middle East and North Africa',
  'Asia',
  'Central America and the Caribbean',
];
const COUNTRIES = [
  'Germany',
  'Chad',
  '"Korea, South"',
  'Papua New Guinea',
  'Libya',
  'Sao Tome and Principe',
  '"Gambia, The"',
  'Fiji',
];
const ITEMS = ['Cosmetics', 'Vegetables', 'Baby Food', 'Cereal', 'Fruits', 'Clothes', 'Office Supplies', 'Household'];

main(Number(process.argv[2] ?? 130));

function main(megabytes: number): void {
  for (const quoteAll of [false, true]) {
    const file = generate(megabytes * MEGABYTE, quoteAll);
    const dialect = detectDialect(file.subarray(0, 65536));
    console.log(`${(file.length / MEGABYTE).toFixed(0)} MB, ${quoteAll ? 'every value quoted' : 'some values quoted'}`);
    for (const [name, engine] of ENGINES) {
      console.log(` ${name}`);
      report('scan', file, () => scan(engine, file, dialect));
      report('encode', file, () => encode(engine, file, dialect));
    }
  }
  console.log(
    `resident at most: ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB (the file in memory included)`,
  );
}

function report(name: string, file: Buffer, run: () => string): void {
  let best = Number.POSITIVE_INFINITY;
  let result = '';
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.cpuUsage();
    result = run();
    const used = process.cpuUsage(start);
    best = Math.min(best, used.user + used.system);
  }
  console.log(`  ${name.padEnd(7)} ${(file.length / MEGABYTE / (best / 1e6)).toFixed(0).padStart(5)} MB/s  ${result}`);
}

function scan(engine: CsvEngine, file: Buffer, dialect: Dialect): string {
  const { names, end } = readHeader(file.subarray(0, 65536), dialect);
  const scanner = engine.scanner({ dialect, columns: names.length, firstRow: 1 });
  for (let at = end; at < file.length; ) {
    const stop = Math.min(file.length, at + CHUNK);
    at += scanner.scan(file.subarray(at, stop), { baseOffset: at, final: stop === file.length });
  }
  const types = scanner.evidence.map(columnType).join(' ');
  return `${scanner.rows} rows, ${scanner.malformedCount} malformed: ${types}`;
}

function encode(engine: CsvEngine, file: Buffer, dialect: Dialect): string {
  const { names, end } = readHeader(file.subarray(0, 65536), dialect);
  const encoder = engine.encoder({ dialect, columns: names.length });
  const out = Buffer.allocUnsafe(BATCH * 1.25);
  let rows = 0;
  let written = 0;
  for (let at = end; at < file.length; ) {
    const result = encoder.encode(file, { from: at, out, firstRow: rows + 1, final: true, maxInput: BATCH });
    at += result.consumed;
    rows += result.rows;
    written += result.written;
  }
  return `${rows} rows, ${(written / MEGABYTE).toFixed(0)} MB written`;
}

function generate(bytes: number, quoteAll: boolean): Buffer {
  const file = Buffer.allocUnsafe(bytes + 1000);
  let length = file.write(`${HEADER}\n`);
  for (let seed = 1; length < bytes; ) {
    let lines = '';
    for (let k = 0; k < 200; k++) {
      seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
      const fields = salesRow(seed >>> 8);
      lines += `${quoteAll ? fields.map((f) => (f.startsWith('"') ? f : `"${f}"`)).join(',') : fields.join(',')}\n`;
    }
    if (length + lines.length > file.length) break;
    length += file.write(lines, length, 'latin1');
  }
  return file.subarray(0, length);
}

function salesRow(random: number): string[] {
  const units = 1 + (random % 9999);
  const price = 9 + (random % 66000) / 100;
  const cost = price * 0.6;
  return [
    REGIONS[random % REGIONS.length],
    COUNTRIES[random % COUNTRIES.length],
    ITEMS[(random >> 3) % ITEMS.length],
    random % 2 === 0 ? 'Offline' : 'Online',
    'HCLM'[random % 4],
    `${1 + (random % 12)}/${1 + (random % 28)}/${2010 + (random % 8)}`,
    String(100000000 + ((random * 37) % 900000000)),
    `${1 + ((random >> 2) % 12)}/${1 + ((random >> 5) % 28)}/${2010 + (random % 8)}`,
    String(units),
    price.toFixed(2),
    cost.toFixed(2),
    (units * price).toFixed(2),
    (units * cost).toFixed(2),
    (units * (price - cost)).toFixed(2),
  ];
}
