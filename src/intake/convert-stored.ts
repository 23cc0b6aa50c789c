import { Readable } from 'node:stream';
import { TaskError } from '../contract/errors.js';
import { toFault } from '../contract/fault.js';
import type { Converted, TaskFault } from '../contract/task.js';
import type { CsvEngine } from '../csv/engine.js';
import type { FormHints } from '../csv/value-form.js';
import type { Store } from '../storage/store.js';
import type { Head } from './read-head.js';
import type { RecordPlace } from './record-walker.js';
import { dialectOf, formOf, Rewriter, type UnreadRecord } from './rewriter.js';
import type { ScannedPart } from './scan-part.js';
import { readLines } from './source-lines.js';
import { packPlaces } from './source-records.js';
import type { ArrivingText } from './streamed-file.js';
import type { StreamingInspection } from './streaming-inspection.js';
import { unpack } from './unpack.js';

/** A stored file that the engine cannot read as it is. */
export interface ConvertJob extends Pick<Head, 'packing' | 'plain' | 'reading'> {
  /** Key and size in the file store, and SHA-256. */
  source: Converted['raw'];
  /** What the caller says of the values. */
  hints: FormHints;
  /** Key prefix of the output objects. */
  into: string;
  maxBytes: number;
}

/** What a conversion needs of its surroundings. */
export interface Converting {
  csv: CsvEngine;
  /** Begins to inspect what is written, while it is written. */
  inspect?(text: ArrivingText): StreamingInspection;
  /** Stores records that cannot become rows, in order; the conversion waits for it. */
  onUnread(records: UnreadRecord[]): Promise<void>;
  /** Runs before each block; what it throws ends the conversion. */
  check(): void;
}

/** What came out, or why the file cannot be read. */
export type ConvertAnswer = Conversion | TaskFault;

export interface Conversion {
  converted: Converted;
  /** The number of its rows, where its records were read. */
  rows: number | null;
  /** Parts that were found while it was written, from its beginning. */
  parts: ScannedPart[];
}

const NO_REPAIRS = { count: 0, rules: {}, rows: [] };

/**
 * Converts a stored file to one that the engine reads: unpacks it, and where its text is not plain, decodes it and
 * writes its records again. The same file gives the same result.
 */
export async function convertStored(store: Store, job: ConvertJob, converting: Converting): Promise<ConvertAnswer> {
  try {
    if (job.packing && job.plain) return await unpackPlain(store, job, job.plain, converting);
    const raw = job.packing ? await storeUnpacked(store, job, (bytes) => bytes, converting) : job.source;
    return await rewrite(store, job, raw, converting);
  } catch (error) {
    if (error instanceof TaskError && error.code !== 'disk_full') return toFault(error);
    throw error;
  }
}

async function unpackPlain(
  store: Store,
  job: ConvertJob,
  plain: NonNullable<Head['plain']>,
  converting: Converting,
): Promise<Conversion> {
  const inspection = converting.inspect?.({ ...plain, ...knownOf(job) });
  const raw = await storeUnpacked(store, job, (bytes) => inspection?.watch(bytes) ?? bytes, converting);
  const converted = { ...raw, ...plain, reading: null, raw, places: null, repairs: NO_REPAIRS };
  return { converted, rows: null, parts: (await inspection?.parts()) ?? [] };
}

function knownOf({ reading, hints }: ConvertJob): Pick<ArrivingText, 'columns' | 'hints'> {
  return { columns: reading.fields.length, hints };
}

async function storeUnpacked(
  store: Store,
  job: ConvertJob,
  watched: (bytes: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>,
  { check }: Converting,
): Promise<Converted['raw']> {
  const { source, packing, maxBytes } = job;
  const key = `${job.into}.unpacked`;
  const bytes = unpack(store, { ...source, packing: packing!, maxBytes });
  return { key, ...(await store.putHashed(key, watched(checked(bytes, check)))) };
}

async function* checked(chunks: AsyncIterable<Buffer>, check: () => void): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    check();
    if (chunk.length > 0) yield chunk;
  }
}

async function rewrite(
  store: Store,
  job: ConvertJob,
  raw: Converted['raw'],
  converting: Converting,
): Promise<Conversion> {
  const { into, reading } = job;
  const rewriter = new Rewriter(reading, converting.csv);
  const places: RecordPlace[] = [];
  const dialect = dialectOf(formOf(reading));
  const inspection = converting.inspect?.({ dialect, dataOffset: 0, ...knownOf(job) });
  const text = rewritten(store, raw, reading.encoding, rewriter, places, converting);
  const key = `${into}.text`;
  const stored = await store.put(key, inspection?.watch(text) ?? text);
  const placesKey = `${into}.places`;
  await store.put(placesKey, Readable.from([packPlaces(places)]));
  const { repairs, rows } = rewriter;
  const converted = { key, ...stored, dialect, dataOffset: 0, reading, raw, places: placesKey, repairs };
  return { converted, rows, parts: (await inspection?.parts()) ?? [] };
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
