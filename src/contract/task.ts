import type { ErrorCode, ErrorPlace } from './errors.js';
import type { Action, Channel, Kind, Phase, State, Verb } from './states.js';

/** A task as it goes over the wire (snake_case, see docs). Bytes and rows are counts, rates per second, times ISO 8601. */
export interface Task {
  user_id: string;
  task_name: string;
  kind: Kind;
  state: State;
  phase: Phase | null;
  /** 0–100 over all phases, never falling. */
  progress: number;
  bytes: { done: number; total: number | null };
  rows: { done: number; total: number | null; rejected: number };
  bytes_per_second: number;
  rows_per_second: number;
  eta_seconds: number | null;
  active_seconds: number;
  paused_seconds: number;
  allowed_actions: Action[];
  pause_reasons: string[];
  /** Qualified and quoted, from the moment it is published: `"public"."sales"`. */
  table: string | null;
  download_url: string | null;
  receipt: Receipt | null;
  error: TaskFault | null;
  /** What the caller should know although nothing failed, one sentence each. */
  warnings: string[];
  /** What the task holds at this moment. */
  held: { connections: number; activities: number; locks: number };
  workflow_id: string;
  version: number;
  created_at: string;
  updated_at: string;
  finished_at: string | null;
  /** When a new start took the task's name, so that the task is history; null as long as it has the name. */
  superseded_at: string | null;
}

/** One change of a task's state: who wanted it and by which channel, as far as that is known. */
export interface TaskEvent {
  at: string;
  channel: Channel;
  /** The user of the API, the identity that Temporal knows of who signalled, cancelled or terminated; null for the service itself. */
  actor: string | null;
  /** What happened, in the past tense; `noted` is a remark without a change of state. */
  action: Verb | 'noted';
  reason: string | null;
  from_state: State;
  to_state: State;
}

/** A task read by itself: with its last hundred changes, oldest first. */
export interface TaskWithEvents extends Task {
  task_events: TaskEvent[];
}

/** Why a task failed, is paused at its reject limit, or cannot roll back yet. */
export interface TaskFault extends ErrorPlace {
  code: ErrorCode;
  detail: string;
}

/** The account of a completed task. Upload: rows_in_file = rows_loaded + rows_rejected. */
export interface Receipt {
  rows_in_file: number;
  rows_loaded: number;
  rows_rejected: number;
  bytes: number;
  sha256: string;
  columns: ReceiptColumn[];
  parts: number;
  seconds: Partial<Record<Phase, number>>;
  /** Download only: the result file. */
  file?: { size: number; sha256: string };
  /** Download only: how the rows were read and written. */
  consistency?: 'live' | 'frozen';
  formulas?: 'raw' | 'escape';
}

export interface ReceiptColumn {
  /** The name in the file's header. */
  original: string;
  /** The name in the table. */
  name: string;
  type: string;
  /** How the values are written, where PostgreSQL writes them otherwise: `DD.MM.YYYY`, `1.234,5`, `yes/no`. */
  form?: string;
  /** Why the column got its type, one sentence. */
  evidence: string;
}

/** What a start request asked for, kept with the task. */
export interface UploadOptions {
  table?: string;
  max_rejects: number;
  on_limit: 'pause' | 'rollback';
  max_bytes_per_second?: number;
  dialect?: { delimiter?: ',' | ';' | '\t' | '|'; newline?: '\n' | '\r\n' | '\r' };
  /** Column (name in the file's header) → PostgreSQL type, overriding what inspect finds. */
  columns?: Record<string, string>;
  /** Order of day and month in the dates of the file. */
  date_order?: 'ymd' | 'dmy' | 'mdy';
  /** Whether a comma stands before the decimals of its numbers. */
  decimal_comma?: boolean;
}

export interface DownloadOptions {
  /** The qualified table to export, `schema.name` as given, or null when it is that of a completed upload. */
  table: string | null;
  /** The table that had this name when it was requested; not known of a download that an earlier version has started. */
  table_oid?: number;
  consistency: 'live' | 'frozen';
  formulas: 'raw' | 'escape';
  max_bytes_per_second?: number;
}

/** The stored source file of an upload. */
export interface Source {
  /** Key in the file store. */
  key: string;
  /** The name that the caller gave the file. */
  filename: string;
  size: number;
  sha256: string;
}
