import { isUtf8 } from 'node:buffer';
import { describeUnread } from '../activities/malformed-rows.js';
import type { Reading } from '../contract/task.js';
import { linesDecoder } from '../dialect/decode-lines.js';
import { RecordReader } from '../dialect/record-reader.js';
import { writeRecord } from '../dialect/write-record.js';
import type { RecordFault } from '../intake/record-walker.js';
import { formOf, writtenFields } from '../intake/rewriter.js';
import type { RejectCode } from '../tasks/rejects.js';

/** A corrected record as the engine reads it, or why it is none. */
export type ReadRecord =
  | { text: Buffer; fault?: undefined }
  | { text?: undefined; fault: { code: RejectCode; reason: string } };

/**
 * Makes the reader of records in the manner of an uploaded file. A record that is valid UTF-8 is read as such, since an
 * editor may have saved the corrections so, unless it is one in the encoding of the file.
 * @param reading of a file that was converted; null where the engine reads the record as it is
 */
export function recordReader(reading: Reading | null): (raw: Buffer) => ReadRecord {
  if (!reading) return (raw) => (isUtf8(raw) ? { text: raw } : invalid('UTF-8'));
  const { encoding } = reading;
  const decode = linesDecoder(encoding);
  const readOwn = (raw: Buffer) => {
    const { text, bad } = decode(raw);
    return bad.length > 0 ? invalid(encoding) : written(text, reading);
  };
  return (raw) => {
    if (!isUtf8(raw) || isSurely(encoding, raw)) return readOwn(raw);
    const asUtf8 = written(raw, reading);
    if (!encoding.startsWith('utf-16')) return asUtf8;
    const asOwn = readOwn(raw);
    if (asOwn.fault) return asUtf8;
    return asUtf8.fault || asUtf8.text.equals(asOwn.text) ? asOwn : unclear(encoding);
  };
}

const ESCAPE = 0x1b;

/** Whether bytes that are valid UTF-8 are in the encoding of the file all the same. */
function isSurely(encoding: string, raw: Buffer): boolean {
  // All of it is ASCII: the escape sequences say which characters are meant.
  if (encoding === 'iso-2022-jp') return raw.includes(ESCAPE);
  return encoding.startsWith('utf-16') && raw.includes(0);
}

/** In a table of one column two letters may be one character of UTF-16; quotes have a NUL byte there. */
function unclear(encoding: string): ReadRecord {
  const reason = `the row can be read as UTF-8 and as ${encoding}: write it in ${encoding}, in quotes`;
  return { fault: { code: 'invalid_utf8', reason } };
}

function written(text: Buffer, reading: Reading): ReadRecord {
  const reader = new RecordReader({ ...reading, header: undefined, firstRow: 1 });
  const record = reader.read(text, 0, true);
  // The engine says of what it cannot read why it is no row.
  if (!record) return { text };
  if (record.reject) return refused(record.reject, reading);
  if (reader.read(text, record.next, true))
    return { fault: { code: 'several_records', reason: 'raw is not one row: quote the line breaks inside of it' } };
  return { text: writeRecord(reader.fields, writtenFields(reading), formOf(reading)) };
}

function refused(fault: RecordFault, { columns, encoding }: Reading): ReadRecord {
  return { fault: { code: fault.reason, reason: describeUnread(fault, columns, encoding) } };
}

function invalid(encoding: string): ReadRecord {
  return { fault: { code: 'invalid_utf8', reason: `the row is not valid ${encoding}` } };
}
