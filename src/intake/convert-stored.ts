import { Readable } from 'node:stream';
import { TaskError } from '../contract/errors.js';
import { toFault } from '../contract/fault.js';
import type { Converted, TaskFault } from '../contract/task.js';
import type { CsvEngine } from '../csv/engine.js';
import type { Store } from '../storage/store.js';
import type { Head } from './read-head.js';
import type { RecordPlace } from './record-walker.js';
import { dialectOf, formOf, Rewriter, type UnreadRecord } from './rewriter.js';
import { readLines } from './source-lines.js';
import { packPlaces } from './source-records.js';
import { unpack } from './unpack.js';

/** A stored file that the engine cannot read as it is. */
export interface ConvertJob extends Pick<Head, 'packing' | 'plain' | 'reading'> {
  /** Key and size in the file store, and SHA-256. */
  source: Converted['raw'];
  /** The keys of what comes out of it begin so. */
  into: string;
  maxBytes: number;
}

/** What a conversion needs of its surroundings. */
export interface Converting {
  csv: CsvEngine;
  /** Stores records that cannot become rows, in order; the conversion waits for it. */
  onUnread(records: UnreadRecord[]): Promise<void>;
  /** Runs before each block; what it throws ends the conversion. */
  check(): void;
}

/** What came out, with the number of its rows where its records were read; or why the file cannot be read. */
export type ConvertAnswer = { converted: Converted; rows: number | null } | TaskFault;

const NO_REPAIRS = { count: 0, rules: {}, rows: [] };

/**
 * Converts a stored file to one that the engine reads: unpacks it, and where its text is not plain, decodes it and
 * writes its records again. The same file gives the same result.
 */
export async function convertStored(store: Store, job: ConvertJob, converting: Converting): Promise<ConvertAnswer> {
  try {
    const raw = job.packing ? await storeUnpacked(store, job, converting) : job.source;
    if (job.plain) return { converted: asItIs(raw, job.plain), rows: null };
    return await rewrite(store, job, raw, converting);
  } catch (error) {
    if (error instanceof TaskError && error.code !== 'disk_full') return toFault(error);
    throw error;
  }
}

async function storeUnpacked(store: Store, job: ConvertJob, { check }: Converting): Promise<Converted['raw']> {
  const { source, packing, maxBytes } = job;
  const key = `${job.into}.unpacked`;
  const bytes = unpack(store, { ...source, packing: packing!, maxBytes });
  return { key, ...(await store.put(key, checked(bytes, check))) };
}

async function* checked<T>(values: AsyncIterable<T>, check: () => void): AsyncGenerator<T> {
  for await (const value of values) {
    check();
    yield value;
  }
}

function asItIs(raw: Converted['raw'], { dialect, dataOffset }: NonNullable<Head['plain']>): Converted {
  return { ...raw, dialect, dataOffset, reading: null, raw, places: null, repairs: NO_REPAIRS };
}

async function rewrite(
  store: Store,
  { into, reading }: ConvertJob,
  raw: Converted['raw'],
  converting: Converting,
): Promise<ConvertAnswer> {
  const rewriter = new Rewriter(reading, converting.csv);
  const places: RecordPlace[] = [];
  const key = `${into}.text`;
  const stored = await store.put(key, rewritten(store, raw, reading.encoding, rewriter, places, converting));
  const placesKey = `${into}.places`;
  await store.put(placesKey, Readable.from([packPlaces(places)]));
  const { repairs, rows } = rewriter;
  const dialect = dialectOf(formOf(reading));
  return { converted: { key, ...stored, dialect, dataOffset: 0, reading, raw, places: placesKey, repairs }, rows };
}

async function* rewritten(
  store: Store,
  { key }: Converted['raw'],
  encoding: string,
  rewriter: Rewriter,
  places: RecordPlace[],
  { onUnread, check }: Converting,
): AsyncGenerator<Buffer> {
  const lines = readLines(store.openRead(key), encoding);
  for (;;) {
    const next = await lines.next();
    check();
    const { text, unread, place } = rewriter.take(next.done ? null : next.value);
    if (unread.length > 0) await onUnread(unread);
    if (place) places.push(place);
    if (text.length > 0) yield text;
    if (next.done) return;
  }
}
