/** SQLSTATE codes that mean something here (PostgreSQL manual, appendix A), each with one meaning. */
export type Meaning = 'bad_value' | 'retry' | 'disk_full' | 'cancelled' | 'target_changed' | 'refused' | 'other';

/** The codes that code asks for one by one, by PostgreSQL's own names. */
export const SQLSTATE = {
  feature_not_supported: '0A000',
  unique_violation: '23505',
  dependent_objects_still_exist: '2BP01',
  insufficient_privilege: '42501',
  undefined_table: '42P01',
  program_limit_exceeded: '54000',
  lock_not_available: '55P03',
  raise_exception: 'P0001',
} as const;

/** Returns whether an error is PostgreSQL's with one of these codes. */
export function hasState(error: unknown, ...names: (keyof typeof SQLSTATE)[]): boolean {
  const code = sqlState(error);
  return names.some((name) => SQLSTATE[name] === code);
}

const BY_CODE: Record<string, Meaning> = {
  '40001': 'retry', // serialization_failure
  '40P01': 'retry', // deadlock_detected
  '55P03': 'retry', // lock_not_available
  '53300': 'retry', // too_many_connections
  '53200': 'retry', // out_of_memory
  '53100': 'disk_full',
  '57014': 'cancelled', // query_canceled
  '25P03': 'retry', // idle_in_transaction_session_timeout
  '42P07': 'retry', // duplicate_table: another session took the name in between
  '42710': 'retry', // duplicate_object: likewise
  '42P01': 'target_changed', // undefined_table
  '42703': 'target_changed', // undefined_column
  '3F000': 'target_changed', // invalid_schema_name
  '54000': 'bad_value', // program_limit_exceeded: a row too big for a page
  '54001': 'bad_value', // statement_too_complex: e.g. JSON nested too deep
  P0001: 'bad_value', // raise_exception: a trigger on the table refuses the row
};

/** Classes of errors that every retry would hit again: feature, cardinality, routines, access, names, limits, state. */
const REFUSALS = ['0A', '21', '2F', '38', '39', '42', '44', '54', '55000', 'P0'];

/** Returns what an error from PostgreSQL means for the work. An error without SQLSTATE is a lost connection: retry. */
export function meaningOf(error: unknown): Meaning {
  const code = sqlState(error);
  if (code === undefined) return isConnectionError(error) ? 'retry' : 'other';
  if (BY_CODE[code]) return BY_CODE[code];
  if (code.startsWith('22') || code.startsWith('23')) return 'bad_value';
  if (REFUSALS.some((refusal) => code.startsWith(refusal))) return 'refused';
  if (code.startsWith('08') || code.startsWith('57P') || code.startsWith('58')) return 'retry';
  return 'other';
}

/** Returns true when PostgreSQL is unreachable or not ready, or broke a deadlock: a retry may succeed. */
export function isUnavailable(error: unknown): boolean {
  const code = sqlState(error);
  if (code === undefined) return isConnectionError(error);
  return code.startsWith('08') || code.startsWith('57P') || code === '53300' || code === '40P01';
}

function sqlState(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && !code.startsWith('E') ? code : undefined;
}

const CONNECTION_ERRORS = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EHOSTUNREACH',
  'EAI_AGAIN',
]);

function isConnectionError(error: unknown): boolean {
  const { code, message, cause } = (error ?? {}) as { code?: string; message?: string; cause?: unknown };
  if (code && CONNECTION_ERRORS.has(code)) return true;
  if (error instanceof AggregateError) return error.errors.some(isConnectionError);
  // node-postgres and pg-pool report these without a code.
  if (
    message &&
    /connection (terminated|ended|error)|timeout exceeded when trying to connect|Connection terminated|not queryable/i.test(
      message,
    )
  )
    return true;
  return cause !== undefined && isConnectionError(cause);
}
