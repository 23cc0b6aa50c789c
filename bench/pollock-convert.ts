import { stringify } from 'csv-stringify/sync';
import { Decoder } from '../src/dialect/decoder.js';
import { detect } from '../src/dialect/detect.js';
import type { GivenDialect } from '../src/dialect/file-dialect.js';
import { RecordReader } from '../src/dialect/record-reader.js';

export interface Conversion {
  /** RFC 4180; the header only where the file names its columns. */
  csv: string;
  repairs: number;
  rejects: number;
  question: string | null;
}

/** The parameters of a file, as the benchmark hands them to the systems it measures. */
export interface PollockParameters {
  encoding: string;
  delimiter: string;
  quotechar: string;
  escapechar: string;
  header_lines: number;
  preamble_lines: number;
  n_columns: number;
  column_names: string[];
}

const HEAD = 1 << 20;

/** Reads a polluted file with `repair`: rows that cannot be repaired are left out. */
export function convert(bytes: Buffer, parameters?: PollockParameters): Conversion {
  const columns = parameters?.n_columns || undefined;
  const given = parameters ? givenBy(parameters) : {};
  const head = bytes.subarray(0, HEAD);
  const found = detect(head, { whole: bytes.length <= HEAD, given, malformed: 'repair', columns });
  const decoder = new Decoder(found.dialect.encoding);
  const text = Buffer.from(decoder.write(bytes) + decoder.end());
  const reader = new RecordReader({
    wording: found.dialect,
    columns: found.columns,
    malformed: 'repair',
    firstRow: 1,
    header: found.dialect.header_rows > 0 ? found.header : undefined,
    trailingDelimiter: found.trailingDelimiter,
    looks: found.looks,
  });
  const names = parameters?.column_names.length ? parameters.column_names : found.header;
  const rows: string[][] = found.dialect.header_rows > 0 ? [names] : [];
  let repairs = 0;
  let rejects = 0;
  for (let record = reader.read(text, found.dataStart, true); record; record = reader.read(text, record.next, true)) {
    if (record.reject) rejects++;
    else rows.push(reader.fields.texts());
    repairs += record.repairs.length > 0 ? 1 : 0;
  }
  return { csv: stringify(rows, { quoted: true }), repairs, rejects, question: found.question };
}

/** Line ends are found: the files do not hold those that their parameters name. */
export function givenBy(parameters: PollockParameters): GivenDialect {
  const quote = parameters.quotechar || '"';
  return {
    encoding: parameters.encoding,
    delimiter: parameters.delimiter || ',',
    quote,
    escape: parameters.escapechar || null,
    header_rows: parameters.header_lines,
    skip_lines: parameters.preamble_lines,
    skip_space: false,
  };
}
