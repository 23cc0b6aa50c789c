import type { Dialect } from './dialect.js';
import { CR, LF, QUOTE } from './record.js';

/** A record in a batch: its row number, and where it stands behind that number, without its line end. */
export interface SentRecord {
  row: number;
  start: number;
  end: number;
}

/**
 * The record that COPY means by `COPY t, line 17`, for a batch written by `BatchEncoder`; null when the batch has no such
 * line. PostgreSQL counts physical lines, and quoted line breaks only of the kind it has seen end a line: until the first
 * record has ended that is taken to be CR (CopyReadLineText, src/backend/commands/copyfromparse.c).
 * @param batch the bytes written, no more
 * @param line from 1
 */
export function recordAt(batch: Buffer, { delimiter }: Pick<Dialect, 'delimiter'>, line: number): SentRecord | null {
  let start = 0;
  let lines = 1;
  let quoted = false;
  for (let i = 0; i < batch.length; i++) {
    const byte = batch[i];
    if (byte === QUOTE) quoted = !quoted;
    else if (quoted) {
      if (byte === (start === 0 ? CR : LF)) lines++;
    } else if (byte === LF) {
      if (line <= lines) return sentRecord(batch, start, i, delimiter);
      lines++;
      start = i + 1;
    }
  }
  return null;
}

/** @param end of the record with its number in front */
export function sentRecord(batch: Buffer, from: number, end: number, delimiter: string): SentRecord {
  const start = batch.indexOf(delimiter, from) + 1;
  return { row: Number(batch.toString('latin1', from, start - 1)), start, end };
}
