import type { FieldList } from './field-list.js';

const QUOTE = 34;
const LF = 10;
const CR = 13;

/** A field of the file that becomes a column: its place from 0, and the texts that are NULL in it. */
export interface WrittenField {
  field: number;
  nulls: ReadonlySet<string>;
}

/** How records are written: one ASCII character between the fields, and one that ends the record. */
export interface RecordForm {
  delimiter: string;
  newline: '\n' | '\r';
}

/** Writes fields as a record of RFC 4180: NULL as nothing, the empty string as `""`. */
export function writeRecord(list: FieldList, fields: readonly WrittenField[], form: RecordForm): Buffer {
  let length = 1;
  for (const { field } of fields) length += 2 * list.bytes(field).length + 3;
  const out = Buffer.allocUnsafe(length);
  const delimiter = form.delimiter.charCodeAt(0);
  let to = 0;
  for (const [k, { field, nulls }] of fields.entries()) {
    if (k > 0) out[to++] = delimiter;
    if (list.isNull(field) || (nulls.size > 0 && nulls.has(list.text(field)))) continue;
    to = writeField(list.bytes(field), delimiter, out, to);
  }
  out[to++] = form.newline.charCodeAt(0);
  return out.subarray(0, to);
}

function writeField(content: Buffer, delimiter: number, out: Buffer, at: number): number {
  let to = at;
  if (!needsQuotes(content, delimiter)) return to + content.copy(out, to);
  out[to++] = QUOTE;
  for (let i = 0; i < content.length; i++) {
    if (content[i] === QUOTE) out[to++] = QUOTE;
    out[to++] = content[i]!;
  }
  out[to++] = QUOTE;
  return to;
}

function needsQuotes(content: Buffer, delimiter: number): boolean {
  if (content.length === 0) return true;
  for (let i = 0; i < content.length; i++) {
    const byte = content[i];
    if (byte === delimiter || byte === QUOTE || byte === LF || byte === CR) return true;
  }
  return false;
}
