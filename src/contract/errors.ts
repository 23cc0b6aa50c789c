import type { Action, State } from './states.js';

/** Every error a caller can meet: its code, HTTP status, title, and whether the same request may succeed later. */
export const ERRORS = {
  // Requests
  invalid_request: { status: 400, title: 'Invalid request', retryable: false },
  host_not_allowed: { status: 421, title: 'Host not allowed', retryable: false },
  cross_site_request: { status: 403, title: 'Cross-site request not allowed', retryable: false },
  task_not_found: { status: 404, title: 'Task not found', retryable: false },
  table_not_found: { status: 404, title: 'Table not found', retryable: false },
  file_not_found: { status: 404, title: 'File not found', retryable: false },
  not_found: { status: 404, title: 'Endpoint not found', retryable: false },
  method_not_allowed: { status: 405, title: 'Method not allowed at this endpoint', retryable: false },
  task_exists: { status: 409, title: 'Task name already in use', retryable: false },
  illegal_transition: { status: 409, title: "Command not allowed in the task's current state", retryable: false },
  upload_incomplete: { status: 409, title: 'Upload not completed', retryable: false },
  file_not_ready: { status: 409, title: 'Result file not ready', retryable: false },
  file_too_large: { status: 413, title: 'File too large', retryable: false },
  unsupported_media_type: { status: 415, title: 'Media type not supported at this endpoint', retryable: false },
  not_a_text_file: { status: 415, title: 'File is not a text file', retryable: false },
  range_not_satisfiable: { status: 416, title: 'Range not satisfiable', retryable: false },
  idempotency_key_reused: { status: 422, title: 'Idempotency-Key already used for another request', retryable: false },
  too_many_requests: { status: 429, title: 'Too many requests', retryable: true },
  internal_error: { status: 500, title: 'Internal error', retryable: false },
  temporal_unavailable: { status: 503, title: 'Temporal unavailable', retryable: true },
  database_unavailable: { status: 503, title: 'PostgreSQL unavailable', retryable: true },
  disk_full: { status: 507, title: 'No space left on the disk', retryable: true },
  // The file
  empty_file: { status: 400, title: 'File is empty', retryable: false },
  unsupported_encoding: { status: 415, title: 'Encoding not supported', retryable: false },
  unsupported_dialect: { status: 415, title: 'Dialect not supported', retryable: false },
  invalid_utf8: { status: 422, title: 'Invalid bytes for the encoding', retryable: false },
  unclosed_quote: { status: 422, title: 'Unclosed quote', retryable: false },
  record_too_large: { status: 422, title: 'Record too large', retryable: false },
  too_many_columns: { status: 422, title: 'Too many columns', retryable: false },
  unclear_dialect: { status: 422, title: 'Ambiguous dialect', retryable: false },
  malformed_row: { status: 422, title: 'Malformed row', retryable: false },
  reject_limit: { status: 422, title: 'More bad rows than max_rejects allows', retryable: false },
  // The task
  source_changed: { status: 409, title: 'Source file changed during the task', retryable: false },
  table_exists: { status: 409, title: 'Table name already in use', retryable: false },
  table_has_dependents: { status: 409, title: 'Table has dependent objects', retryable: false },
  target_changed: { status: 409, title: 'Table changed during the task', retryable: false },
  receipt_mismatch: { status: 500, title: 'Receipt does not balance', retryable: false },
  rollback_failed: { status: 500, title: 'Rollback not finished', retryable: true },
  database_refused: { status: 409, title: 'Statement refused by PostgreSQL', retryable: false },
  unencodable_value: { status: 422, title: 'Value not representable in the encoding', retryable: false },
  unsupported_table: { status: 409, title: 'Table cannot be exported', retryable: false },
} as const;

export type ErrorCode = keyof typeof ERRORS;

/** Where in the input an error lies, as far as it applies. Rows count from 1, bytes from 0. */
export interface ErrorPlace {
  row?: number;
  byte_offset?: number;
  column?: string;
  /** The number of the column in the file, from 1; absent where two columns share the name. */
  column_number?: number;
  value?: string;
}

/** One field of a request that was refused, for `errors[]`. */
export interface FieldError {
  field: string;
  value?: unknown;
  detail: string;
}

/** What further a problem document may carry. */
export interface ErrorExtras extends ErrorPlace {
  errors?: FieldError[];
  current_state?: State;
  allowed_actions?: Action[];
  retry_after?: number;
  /** The limit that the step had read, for a fault at the reject limit. It stays inside the service. */
  limit?: number | string;
}

/**
 * An error meant for the caller: `detail` says what is wrong and what to do, in plain words, and never holds a stack,
 * SQL or a server path. `cause` keeps the technical origin for the log.
 */
export class TaskError extends Error {
  override readonly name = 'TaskError';
  readonly status: number;
  readonly retryable: boolean;

  constructor(
    readonly code: ErrorCode,
    readonly detail: string,
    readonly extras: ErrorExtras = {},
    options?: ErrorOptions,
  ) {
    super(detail, options);
    this.status = ERRORS[code].status;
    this.retryable = ERRORS[code].retryable;
  }
}

/** Makes the error that names the fields of a request that were refused, and the place of the first in a file. */
export function invalidRequest(errors: FieldError[], extras: ErrorPlace = {}): TaskError {
  const sentences = errors.slice(0, 3).map(({ field, detail }) => `${field} ${detail}`);
  if (errors.length > 3) sentences.push(`and ${errors.length - 3} more`);
  return new TaskError('invalid_request', `${sentences.join('; ')}.`, { errors, ...extras });
}
