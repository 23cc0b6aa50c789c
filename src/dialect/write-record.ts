import type { FieldList } from './field-list.js';

const QUOTE = 34;
const LF = 10;
const CR = 13;

/** A field of the file that becomes a column: its place from 0, and the texts that are NULL in it. */
export interface WrittenField {
  field: number;
  nulls: readonly Buffer[];
}

/** How records are written: one ASCII character between the fields, and one that ends the record. */
export interface RecordForm {
  delimiter: string;
  newline: '\n' | '\r';
}

/** Writes fields as a record of RFC 4180: NULL as nothing, the empty string as `""`. */
export function writeRecord(list: FieldList, fields: readonly WrittenField[], form: RecordForm): Buffer {
  let length = 1;
  for (const { field } of fields) length += 2 * list.length(field) + 3;
  const out = Buffer.allocUnsafe(length);
  const delimiter = form.delimiter.charCodeAt(0);
  let to = 0;
  for (let k = 0; k < fields.length; k++) {
    const { field, nulls } = fields[k]!;
    if (k > 0) out[to++] = delimiter;
    if (list.isNull(field)) continue;
    to = list.at(field, (source, start, end) => {
      if (nulls.length > 0 && nulls.some((one) => isSame(one, source, start, end))) return to;
      const after = writeBare(source, start, end, delimiter, out, to);
      return after >= 0 ? after : writeQuoted(source, start, end, out, to);
    });
  }
  out[to++] = form.newline.charCodeAt(0);
  return out.subarray(0, to);
}

function isSame(text: Buffer, source: Buffer, start: number, end: number): boolean {
  if (text.length !== end - start) return false;
  for (let i = 0; i < text.length; i++) if (text[i] !== source[start + i]) return false;
  return true;
}

/** Returns -1 where the content needs quotes. */
function writeBare(source: Buffer, start: number, end: number, delimiter: number, out: Buffer, at: number): number {
  if (end === start) return -1;
  let to = at;
  for (let i = start; i < end; i++) {
    const byte = source[i]!;
    if (byte === delimiter || byte === QUOTE || byte === LF || byte === CR) return -1;
    out[to++] = byte;
  }
  return to;
}

function writeQuoted(source: Buffer, start: number, end: number, out: Buffer, at: number): number {
  let to = at;
  out[to++] = QUOTE;
  for (let i = start; i < end; i++) {
    if (source[i] === QUOTE) out[to++] = QUOTE;
    out[to++] = source[i]!;
  }
  out[to++] = QUOTE;
  return to;
}
