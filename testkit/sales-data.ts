/**
 * Sales records of our own making, for the sample file, the demonstration and the measurements: the same rows and seed
 * always give the same bytes. `node dist/testkit/sales-data.js --rows N --seed S --out FILE` writes a file.
 */
import { open } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

export interface SalesOptions {
  /** Data rows, the header aside; about 130 bytes each. */
  rows: number;
  /** Another seed gives other records. Default 1. */
  seed?: number;
}

/** The sample file at the root of the project is exactly this. */
export const SAMPLE: Required<SalesOptions> = { rows: 10_000, seed: 1 };

/**
 * Writes a CSV file (RFC 4180, UTF-8, LF): header and records, some values with commas and quotes, some empty (NULL),
 * some `""` (an empty string). Constant memory. `onProgress` receives the rows written so far.
 */
export async function writeSalesFile(
  path: string,
  options: SalesOptions,
  onProgress: (rows: number) => void = () => {},
): Promise<{ bytes: number }> {
  const file = await open(path, 'w');
  let bytes = 0;
  try {
    for (const chunk of salesBytes(options)) {
      for (let at = 0; at < chunk.bytes.length; ) at += (await file.write(chunk.bytes, at)).bytesWritten;
      bytes += chunk.bytes.length;
      onProgress(chunk.rows);
    }
  } finally {
    await file.close();
  }
  return { bytes };
}

const ROWS_PER_CHUNK = 4096;
const LONGEST_RECORD = 256;

/** The file in pieces with the rows up to their end. The bytes are overwritten by the next piece. */
export function* salesBytes({
  rows,
  seed = SAMPLE.seed,
}: SalesOptions): Generator<{ bytes: Uint8Array; rows: number }> {
  const random = randomNumbers(seed);
  const out = new ByteWriter(ROWS_PER_CHUNK * LONGEST_RECORD);
  out.word(HEADER);
  let row = 0;
  do {
    for (const end = Math.min(rows, row + ROWS_PER_CHUNK); row < end; row++) writeRecord(out, row, random);
    yield { bytes: out.take(), rows: row };
  } while (row < rows);
}

function writeRecord(out: ByteWriter, row: number, random: () => number): void {
  const draw = random();
  const units = 1 + (random() % 9999);
  const price = 250 + (random() % 94_750);
  const cost = Math.floor((price * (40 + (random() % 50))) / 100);
  // Of some orders the cost is not known: empty in every column that follows from it.
  const isCostKnown = draw % 41 !== 0;
  out.word(pick(PLACES, random()));
  out.word(pick(ITEMS, random()));
  out.word(pick(CHANNELS, draw >>> 4));
  out.word(pick(PRIORITIES, draw >>> 14));
  out.integer(orderId(row));
  out.byte(COMMA);
  out.integer(units);
  out.byte(COMMA);
  out.money(price);
  out.byte(COMMA);
  if (isCostKnown) out.money(cost);
  out.byte(COMMA);
  out.money(units * price);
  out.byte(COMMA);
  if (isCostKnown) out.money(units * cost);
  out.byte(COMMA);
  if (isCostKnown) out.money(units * (price - cost));
  out.byte(NEWLINE);
}

// Modulo a prime: no number comes twice in the first 900 million rows, and they are in no order.
function orderId(row: number): number {
  return 100_000_000 + ((row * 48_271) % 899_999_963);
}

function pick(words: Uint8Array[], number: number): Uint8Array {
  return words[number % words.length] as Uint8Array;
}

/** Marsaglia's xorshift32: the same numbers, 0 to 2^31 - 1, on every machine. */
export function randomNumbers(seed: number): () => number {
  let state = Math.imul(seed, 0x9e3779b1) || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 1;
  };
}

const COMMA = 0x2c;
const NEWLINE = 0x0a;
const DOT = 0x2e;
const ZERO = 0x30;

/** Bytes one after the other into one buffer: three times as fast as joining strings. */
class ByteWriter {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(size: number) {
    this.#bytes = new Uint8Array(size);
  }

  byte(value: number): void {
    this.#bytes[this.#at++] = value;
  }

  word(word: Uint8Array): void {
    for (let index = 0; index < word.length; index++) this.#bytes[this.#at++] = word[index] as number;
  }

  integer(value: number): void {
    let digits = 1;
    for (let limit = 10; value >= limit; limit *= 10) digits++;
    let left = value;
    for (let at = this.#at + digits - 1; at >= this.#at; at--) {
      const rest = Math.floor(left / 10);
      this.#bytes[at] = ZERO + left - rest * 10;
      left = rest;
    }
    this.#at += digits;
  }

  /** Money is counted in cents, so that it is exact. */
  money(cents: number): void {
    const whole = Math.floor(cents / 100);
    const rest = cents - whole * 100;
    this.integer(whole);
    this.byte(DOT);
    this.byte(ZERO + Math.floor(rest / 10));
    this.byte(ZERO + (rest % 10));
  }

  /** What was written since the last call, in place. */
  take(): Uint8Array {
    const taken = this.#bytes.subarray(0, this.#at);
    this.#at = 0;
    return taken;
  }
}

const HEADER = Buffer.from(
  'Region,Country,Item Type,Sales Channel,Order Priority,Order ID,Units Sold,Unit Price,Unit Cost,' +
    'Total Revenue,Total Cost,Total Profit\n',
);

const COUNTRIES: Record<string, string[]> = {
  'Alps and Danube': ['Austria', 'Switzerland', 'Liechtenstein', 'Slovenia', 'Hungary'],
  'Andes and Amazon': ['Peru', 'Bolivia', 'Ecuador', 'Brazil', 'Venezuela'],
  '"Atlantic, Western"': ['Côte d’Ivoire', 'Senegal', 'São Tomé and Príncipe', '"Gambia, The"', 'Cape Verde'],
  'Baltic and Nordic Countries': ['Estonia', 'Latvia', 'Lithuania', 'Finland', 'Sweden', 'Norway'],
  'Caribbean and Central America': ['Costa Rica', 'Dominican Republic', 'Curaçao', '"Bahamas, The"', 'Panama'],
  'East Asia and Steppes': ['Japan', '"Korea, Republic of"', 'Taiwan', 'Mongolia'],
  'Great Lakes of Africa': ['Kenya', 'Rwanda', '"Congo, Democratic Republic"', 'Tanzania', 'Uganda'],
  'Levant and Gulf': ['Jordan', 'Lebanon', 'United Arab Emirates', 'Oman', 'Qatar'],
  'Mediterranean Sea': ['Italy', 'Greece', 'Spain', 'Malta', 'Tunisia', 'Morocco'],
  '"Pacific, Southern"': ['New Zealand', 'Papua New Guinea', '"Micronesia, Federated States"', 'Fiji', 'Samoa'],
};

const PLACES = fields(Object.entries(COUNTRIES).flatMap(([region, names]) => names.map((name) => `${region},${name}`)));

const ITEMS = fields([
  'Bicycles and Parts',
  'Books and Magazines',
  '"Bread, Cakes and Pastry"',
  'Ceramics and Glassware',
  '"Coffee ""House Blend"""',
  'Frozen Vegetables',
  'Garden Tools and Seeds',
  '"Lamps, 12"" and larger"',
  'Musical Instruments',
  'Office Chairs and Desks',
  '"Olive Oil, Extra Virgin"',
  '"Paper, Recycled, White"',
  'Rain Clothing and Umbrellas',
  '"Screws and Bolts 3/8"""',
  'Solar Panels and Chargers',
  '"Tea, ""First Flush"""',
  'Wooden Toys and Puzzles',
]);

const CHANNELS = fields(['Online', 'Online', 'Online', 'In Store', 'In Store', 'Telephone', 'Wholesale', '']);

const PRIORITIES = fields([
  'Critical',
  'High',
  'High',
  'Medium',
  'Medium',
  'Medium',
  'Low',
  'Low',
  '""',
  '',
  'Not specified',
]);

function fields(words: string[]): Uint8Array[] {
  return words.map((word) => Buffer.from(`${word},`));
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rows: { type: 'string', default: String(SAMPLE.rows) },
      seed: { type: 'string', default: String(SAMPLE.seed) },
      out: { type: 'string', default: 'sample_data.csv' },
    },
  });
  const began = performance.now();
  const { bytes } = await writeSalesFile(values.out, { rows: Number(values.rows), seed: Number(values.seed) });
  const rate = bytes / 1000 / (performance.now() - began);
  console.log(`${values.out}: ${values.rows} rows, ${bytes} bytes, ${rate.toFixed(0)} MB/s`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
