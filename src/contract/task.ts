import type { Static } from 'typebox';
import type * as answers from './answers.js';

export type { ReceiptColumn, TaskEvent, TaskFault, TaskWithEvents } from './answers.js';

/** A task as it goes over the wire. */
export type Task = Static<typeof answers.Task>;
export type Receipt = Static<typeof answers.Receipt>;

/** How an uploaded file is written. The header is always there; the encoding is always UTF-8. */
export interface Dialect {
  encoding: 'utf-8';
  /** The file begins with a UTF-8 byte order mark. */
  bom: boolean;
  delimiter: ',' | ';' | '\t' | '|';
  quote: '"';
  /** '\n' and '\r\n' are read alike (either ends a record); '\r' is the old Macintosh form. */
  newline: '\n' | '\r\n' | '\r';
  header: true;
}

/** The options of a start request, stored with the task. */
export interface UploadOptions {
  table?: string;
  max_rejects: number;
  on_limit: 'pause' | 'rollback';
  max_bytes_per_second?: number;
  dialect?: Partial<Pick<Dialect, 'delimiter' | 'newline'>>;
  /** Column (name in the file's header) → PostgreSQL type, overriding what inspect finds. */
  columns?: Record<string, string>;
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
  newline: '\n' | '\r\n' | '\r';
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
