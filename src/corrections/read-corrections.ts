import { setImmediate } from 'node:timers/promises';
import { TaskError } from '../contract/errors.js';
import { type Dialect, hasBom } from '../csv/dialect.js';
import { grammarOf, RecordView, readRecord } from '../csv/record.js';

/** A row of the file, by its number from 1, and its whole record as it was corrected. */
export interface Correction {
  row: number;
  raw: Buffer;
}

/** They are loaded in one transaction. */
export const MAX_CORRECTIONS = 10_000;
export const MAX_CORRECTION_BYTES = 32 << 20;
/** Read before the event loop serves others, unless a single row is longer: some milliseconds' work. */
export const BYTES_AT_ONCE = 1 << 18;

/**
 * Reads corrected rows from a file in the form of the rejects: `row` and `raw` count, wherever they stand, the other
 * columns are not looked at. Fields may be parted by `,`, `;`, a tab or `|`, as a spreadsheet saves them.
 * @throws {TaskError} invalid_request
 */
export async function readCorrections(file: Buffer): Promise<Correction[]> {
  const bytes = Buffer.concat([file.subarray(hasBom(file) ? 3 : 0), Buffer.from('\n')]);
  const delimiter = /[,;\t|]/.exec(bytes.toString('latin1', 0, bytes.indexOf(LF)))?.[0] ?? ',';
  const records = await recordsOf(bytes, delimiter as Dialect['delimiter']);
  const [header = [], ...rows] = records;
  const names = header.map(String);
  const [rowAt, rawAt] = [names.indexOf('row'), names.indexOf('raw')];
  if (rowAt < 0 || rawAt < 0)
    throw wrong('must have the columns row and raw in its header line, as GET …/rejects gives them');
  if (rows.length > MAX_CORRECTIONS)
    throw wrong(`has ${rows.length} rows; at most ${MAX_CORRECTIONS} are taken at once. Send it in pieces`);
  return checked(rows.map((fields, i) => correctionOf(fields, rowAt, rawAt, i + 1)));
}

const LF = 10;

async function recordsOf(bytes: Buffer, delimiter: Dialect['delimiter']): Promise<Buffer[][]> {
  const grammar = grammarOf({ delimiter, newline: '\n' });
  const view = new RecordView(Number.POSITIVE_INFINITY);
  const limit = bytes.length - 1;
  const records: Buffer[][] = [];
  for (let at = 0, pause = BYTES_AT_ONCE; at <= limit; at = view.next) {
    if (at >= pause) {
      await setImmediate();
      pause = at + BYTES_AT_ONCE;
    }
    if (!readRecord(bytes, at, limit, grammar, view))
      throw wrong(`opens a quote in its record ${records.length + 1} that is never closed`);
    if (view.end === view.start) continue;
    if (view.stray > 0)
      throw wrong(`has a stray quote in its record ${records.length + 1}: double the quotes inside of raw`);
    records.push(Array.from({ length: view.fields }, (_, k) => contentOf(bytes, view, k)));
  }
  return records;
}

function contentOf(bytes: Buffer, view: RecordView, k: number): Buffer {
  const field = view.field(bytes, k);
  return field.bytes.subarray(field.start, field.end);
}

function correctionOf(fields: Buffer[], rowAt: number, rawAt: number, place: number): Correction {
  const row = String(fields[rowAt] ?? '');
  const raw = fields[rawAt];
  if (!/^[1-9]\d{0,14}$/.test(row)) throw wrong(`has no row number in its row ${place}`);
  if (!raw) throw wrong(`has no raw for row ${row}`);
  return { row: Number(row), raw };
}

function checked(corrections: Correction[]): Correction[] {
  const seen = new Set<number>();
  for (const { row } of corrections) {
    if (seen.has(row)) throw wrong(`has row ${row} twice`);
    seen.add(row);
  }
  return corrections.sort((a, b) => a.row - b.row);
}

/** Returns the error for a file of corrections. */
export function wrong(detail: string): TaskError {
  return new TaskError('invalid_request', `file ${detail}.`, { errors: [{ field: 'file', detail }] });
}
