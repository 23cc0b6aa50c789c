import type { Action, State } from './states.js';

/** Every error a caller can meet: its code, HTTP status, title, and whether the same request may succeed later. */
export const ERRORS = {
  // Requests
  invalid_request: { status: 400, title: 'The request is not valid', retryable: false },
  host_not_allowed: { status: 421, title: 'The API does not answer to this host', retryable: false },
  cross_site_request: { status: 403, title: 'The request comes from another site', retryable: false },
  task_not_found: { status: 404, title: 'There is no such task', retryable: false },
  table_not_found: { status: 404, title: 'There is no such table', retryable: false },
  file_not_found: { status: 404, title: 'There is no such file', retryable: false },
  not_found: { status: 404, title: 'There is nothing at this address', retryable: false },
  method_not_allowed: { status: 405, title: 'This address does not take that method', retryable: false },
  task_exists: { status: 409, title: 'The task name is taken', retryable: false },
  illegal_transition: { status: 409, title: 'The task does not take this command in its state', retryable: false },
  upload_incomplete: { status: 409, title: 'The upload has not completed', retryable: false },
  file_not_ready: { status: 409, title: 'The result file is not ready', retryable: false },
  file_too_large: { status: 413, title: 'The file is too large', retryable: false },
  unsupported_media_type: { status: 415, title: 'The body has a media type that is not taken here', retryable: false },
  not_a_text_file: { status: 415, title: 'The file is not a text file', retryable: false },
  range_not_satisfiable: { status: 416, title: 'The range lies outside of the file', retryable: false },
  idempotency_key_reused: { status: 422, title: 'The Idempotency-Key was used for another request', retryable: false },
  too_many_requests: { status: 429, title: 'Too many requests', retryable: true },
  internal_error: { status: 500, title: 'Something went wrong here', retryable: false },
  temporal_unavailable: { status: 503, title: 'Temporal cannot be reached', retryable: true },
  database_unavailable: { status: 503, title: 'PostgreSQL cannot be reached', retryable: true },
  disk_full: { status: 507, title: 'There is no space left', retryable: true },
  // The file
  empty_file: { status: 400, title: 'The file is empty', retryable: false },
  unsupported_encoding: { status: 415, title: 'The file is in an encoding that is not read yet', retryable: false },
  unsupported_dialect: { status: 415, title: 'The file is in a dialect that is not read yet', retryable: false },
  invalid_utf8: { status: 422, title: 'The file is not valid UTF-8', retryable: false },
  unclosed_quote: { status: 422, title: 'A quote in the file never closes', retryable: false },
  record_too_large: { status: 422, title: 'A record of the file is too large', retryable: false },
  too_many_columns: { status: 422, title: 'The file has too many columns', retryable: false },
  reject_limit: { status: 422, title: 'The file has more bad rows than max_rejects allows', retryable: false },
  // The task
  source_changed: { status: 409, title: 'The source file changed while the task was under way', retryable: false },
  table_exists: { status: 409, title: 'The table name is taken', retryable: false },
  table_has_dependents: { status: 409, title: 'Other objects depend on the table', retryable: false },
  target_changed: { status: 409, title: 'The table changed while the task was under way', retryable: false },
  receipt_mismatch: { status: 500, title: 'The receipt of the task does not balance', retryable: false },
  rollback_failed: { status: 500, title: 'The rollback could not finish yet', retryable: true },
  database_refused: { status: 409, title: 'PostgreSQL refuses to go on', retryable: false },
  unencodable_value: { status: 422, title: 'The encoding of the export cannot hold a value', retryable: false },
  unsupported_table: { status: 409, title: 'The table cannot be exported', retryable: false },
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
