import type { Static } from 'typebox';
import type * as answers from './answers.js';
import type { NEWLINES, Newline } from './marks.js';
import type * as receipt from './receipt.js';
import type { GivenColumns, GivenDialect } from './requests.js';

export type { TaskEvent, TaskFault, TaskWithEvents } from './answers.js';
export type { ReceiptColumn } from './receipt.js';

/** What is done with a record that is not well formed. */
export type MalformedPolicy = 'quarantine' | 'repair' | 'strict';

/** A task as it goes over the wire. */
export type Task = Static<typeof answers.Task>;
export type Receipt = Static<typeof receipt.Receipt>;

/** How the text is written that the engine reads: the uploaded file itself where it is plain, else its copy. */
export interface Dialect {
  encoding: 'utf-8';
  /** The file begins with a UTF-8 byte order mark. */
  bom: boolean;
  /** One ASCII character. */
  delimiter: string;
  quote: '"';
  newline: (typeof NEWLINES)[number];
  header: true;
}

/** The options of a start request, stored with the task. */
export interface UploadOptions {
  table?: string;
  /** A number of rows, or a share of them such as `1%`. */
  max_rejects: number | string;
  on_limit: 'pause' | 'rollback';
  max_bytes_per_second?: number;
  dialect?: GivenDialect;
  /** What is done with a record that is not well formed; `quarantine` by default. */
  malformed?: MalformedPolicy;
  /** Texts that are NULL in every column. */
  null_values?: string[];
  /** The types of columns by their names in the header, or a list that also renames, skips and reorders them. */
  columns?: GivenColumns;
  /** Order of day and month in the dates of the file. */
  date_order?: 'ymd' | 'dmy' | 'mdy';
  /** Whether its numbers have a decimal comma. */
  decimal_comma?: boolean;
}

export interface DownloadOptions {
  /** The qualified table to export, `schema.name` as given, or null when it is that of a completed upload. */
  table: string | null;
  /**
   * The table that had this name when it was requested; not known of a download that an earlier version has started.
   */
  table_oid?: number;
  consistency: 'live' | 'frozen';
  formulas: 'raw' | 'escape';
  max_bytes_per_second?: number;
  /** How the file is written; `PLAIN_FORMAT` where the request does not say. */
  format?: ExportFormat;
  /** The SHA-256 of the uploaded file that the result shall be like. */
  source_sha256?: string;
}

/** How the file of an export is written. */
export interface ExportFormat {
  /** A label of the Encoding Standard, in lower case. */
  encoding: string;
  bom: boolean;
  /** One ASCII character. */
  delimiter: string;
  quote: string;
  /** The character that escapes a quote inside quotes; the quote itself where quotes are doubled. */
  escape: string;
  newline: (typeof NEWLINES)[number];
  header: boolean;
  quoted_header: boolean;
  /** Which fields are quoted without need: none, all, or those of these exported columns, from 1. NULL never is. */
  quoted: 'needed' | 'all' | number[];
  /** Whether the last record ends with a newline. */
  final_newline: boolean;
  compression: 'gzip' | null;
}

export const PLAIN_FORMAT: Readonly<ExportFormat> = {
  encoding: 'utf-8',
  bom: false,
  delimiter: ',',
  quote: '"',
  escape: '"',
  newline: '\n',
  header: true,
  quoted_header: false,
  quoted: 'needed',
  final_newline: true,
  compression: null,
};

/** The stored source file of an upload. */
export interface Source {
  /** Key in the file store. */
  key: string;
  /** The name that the caller gave the file. */
  filename: string;
  size: number;
  sha256: string;
}

/** How the records of a file are read one by one, and which of their fields become columns. */
export interface Reading {
  encoding: string;
  wording: { delimiter: string; quote: string | null; escape: string | null; newline: Newline; skip_space: boolean };
  /** Fields of a record. */
  columns: number;
  malformed: MalformedPolicy;
  /** A record that repeats it begins a second table. */
  header?: string[];
  trailingDelimiter: boolean;
  /** What the values of the fields look like, for repairs. */
  looks: { kind: 'number' | 'moment' | null; shape: string | null }[];
  /** Where the records begin, in bytes of the decoded text. */
  dataStart: number;
  /** For each column of the table, its field from 0 and the texts that are NULL in it. */
  fields: { field: number; nulls: string[] }[];
}

/** A stored file that the engine reads in place of the uploaded one. */
export interface Converted extends Pick<Source, 'key' | 'size'> {
  dialect: Dialect;
  /** Where its first record begins. */
  dataOffset: number;
  /** How its records were read; null where they are those of the uploaded file, unpacked. */
  reading: Reading | null;
  /** The file whose records rejects show: the uploaded one, or what was packed in it. */
  raw: Pick<Source, 'key' | 'size' | 'sha256'>;
  /** Key of the places of records in that file; null where the engine reads that file itself. */
  places: string | null;
  repairs: Repairs;
}

/** What was done to the records of a file, so that they could become rows. */
export type Repairs = Static<typeof receipt.Repairs>;
