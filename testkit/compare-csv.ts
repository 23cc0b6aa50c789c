import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { parse } from 'csv-parse';

export interface Comparison {
  equal: boolean;
  /** Records compared, the header aside. */
  rows: number;
  /** Values compared, those of the header included. */
  cells: number;
  firstDifference?: Difference;
}

/** The first difference of two files. Rows count from 1 after the header (row 0), columns from 1. `null` is NULL. */
export interface Difference {
  row: number;
  column: number;
  a: string | null | undefined;
  b: string | null | undefined;
}

/**
 * Compares two CSV files value by value, header included, in constant memory. How a value is quoted does not count,
 * with one exception: an empty value (NULL) and `""` (an empty string) differ. Identical bytes are equal; they are only
 * counted.
 */
export async function compareCsv(a: string, b: string): Promise<Comparison> {
  const counted = await countIfIdentical(a, b);
  return counted ? { equal: true, ...counted } : compareValues(a, b);
}

const CHUNK_BYTES = 1 << 20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const LF = 0x0a;
const CR = 0x0d;

async function countIfIdentical(a: string, b: string): Promise<{ rows: number; cells: number } | undefined> {
  const files = await Promise.all([open(a), open(b)]);
  try {
    const [sizeA, sizeB] = await Promise.all(files.map(async (file) => (await file.stat()).size));
    if (sizeA !== sizeB) return undefined;
    const buffers = [Buffer.allocUnsafe(CHUNK_BYTES), Buffer.allocUnsafe(CHUNK_BYTES)] as const;
    const counter = new Counter();
    for (;;) {
      const reads = files.map((file, index) => file.read(buffers[index] as Buffer, 0, CHUNK_BYTES));
      const [readA, readB] = await Promise.all(reads as [(typeof reads)[0], (typeof reads)[0]]);
      const [chunkA, chunkB] = [buffers[0].subarray(0, readA.bytesRead), buffers[1].subarray(0, readB.bytesRead)];
      if (!chunkA.equals(chunkB)) return undefined;
      if (chunkA.length === 0) return counter.result();
      counter.count(chunkA);
    }
  } finally {
    await Promise.all(files.map((file) => file.close()));
  }
}

/** Counts records and values by the delimiters and line ends outside of quotes (RFC 4180, comma; LF, CRLF or CR). */
class Counter {
  #quoted = false;
  #commas = 0;
  #lines = 0;
  #last = 0;

  count(chunk: Buffer): void {
    let last = this.#last;
    for (let index = 0; index < chunk.length; index++) {
      const byte = chunk[index] as number;
      if (byte === QUOTE) this.#quoted = !this.#quoted;
      else if (!this.#quoted) {
        if (byte === COMMA) this.#commas++;
        else if (byte === CR || (byte === LF && last !== CR)) this.#lines++;
      }
      last = byte;
    }
    this.#last = last;
  }

  result(): { rows: number; cells: number } {
    const isOpen = ![0, LF, CR].includes(this.#last);
    const records = this.#lines + (isOpen ? 1 : 0);
    return { rows: Math.max(0, records - 1), cells: records + this.#commas };
  }
}

async function compareValues(a: string, b: string): Promise<Comparison> {
  const [left, right] = [records(a), records(b)];
  let row = 0;
  let cells = 0;
  try {
    for (;;) {
      const [nextA, nextB] = await Promise.all([left.next(), right.next()]);
      if (nextA.done && nextB.done) return { equal: true, rows: Math.max(0, row - 1), cells };
      const valuesA: Value[] = nextA.done ? [] : nextA.value;
      const valuesB: Value[] = nextB.done ? [] : nextB.value;
      const column = differingColumn(valuesA, valuesB);
      if (column >= 0) {
        const firstDifference = { row, column: column + 1, a: valuesA[column], b: valuesB[column] };
        return { equal: false, rows: Math.max(0, row - 1), cells: cells + column, firstDifference };
      }
      cells += valuesA.length;
      row++;
    }
  } finally {
    await Promise.all([left.return?.(), right.return?.()]);
  }
}

type Value = string | null;

function differingColumn(a: Value[], b: Value[]): number {
  for (let column = 0; column < Math.max(a.length, b.length); column++) if (a[column] !== b[column]) return column;
  return -1;
}

function records(file: string): AsyncIterator<Value[]> {
  const parser = parse({
    bom: true,
    relax_column_count: true,
    cast: (value, { quoting }) => (value === '' && !quoting ? null : value),
  });
  const source = createReadStream(file, { highWaterMark: CHUNK_BYTES });
  source.on('error', (error) => parser.destroy(error));
  parser.once('close', () => source.destroy());
  return source.pipe(parser)[Symbol.asyncIterator]();
}
