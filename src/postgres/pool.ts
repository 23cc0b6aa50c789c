import type { Socket } from 'node:net';
import pg from 'pg';

/** The sizes of a pool, and its name as `pg_stat_activity` shows it. */
export interface PoolOptions {
  connectionString: string;
  max: number;
  /** How many stay open when idle: on a busy machine it takes a tenth of a second to open one. Default 0. */
  min?: number;
  applicationName: string;
  onError: (error: Error) => void;
  /** Further settings of each session. */
  settings?: Record<string, string>;
  /** The number of uses after which a session is closed. */
  maxUses?: number;
}

/** A session forgotten inside a transaction would hold its task's fence: PostgreSQL ends it after this time. */
const IDLE_IN_TRANSACTION_MS = 10_000;

/**
 * A session that takes longer to open counts as an outage. On two cores with twenty busy sessions one has taken over
 * five seconds; a server that is down refuses at once.
 */
const CONNECT_MS = 10_000;

/** The silence after which TCP probes whether the server is still there; the kernel's own default is two hours. */
const KEEP_ALIVE_MS = 10_000;

const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    // int8 counts rows and bytes here, all far below 2^53: numbers, not strings.
    oid === pg.types.builtins.INT8
      ? Number
      : pg.types.getTypeParser(oid, format as 'text')) as typeof pg.types.getTypeParser,
};

/** The settings of every session. They override those of the server and the database. */
const SESSION_SETTINGS = {
  // The forms of values. With fewer float digits numbers would be altered.
  TimeZone: 'UTC',
  DateStyle: 'ISO',
  IntervalStyle: 'postgres',
  extra_float_digits: '1',
  bytea_output: 'hex',
  client_encoding: 'UTF8',
  search_path: 'pg_catalog',
  // The fence reads the epoch in a statement of its own, which must see what was committed while it waited for the
  // lock.
  default_transaction_isolation: 'read committed',
  // An error in the server's log must not quote the values of its statement.
  log_parameter_max_length_on_error: '0',
};

/** The settings as a connection's `options` (PostgreSQL manual, 34.1.2): spaces are escaped. */
function sessionOptions(settings: Record<string, string> = {}): string {
  const entries = Object.entries({ ...SESSION_SETTINGS, ...settings });
  return entries.map(([name, value]) => `-c ${name}=${value.replaceAll(' ', '\\ ')}`).join(' ');
}

/** The settings of the role of exports, for a role that was not set up with them. */
export const READ_ONLY = {
  default_transaction_read_only: 'on',
  row_security: 'on',
  statement_timeout: '0',
  lock_timeout: '5s',
};

/**
 * Creates a pool for sessions that read users' tables. Each serves once: code of a view may leave a prepared statement
 * or an advisory lock in it.
 */
export function createExportPool(options: PoolOptions): pg.Pool {
  return createPool({ ...options, settings: READ_ONLY, maxUses: 1 });
}

/**
 * A pool whose sessions all speak UTC, ISO dates and UTF-8, so that values have one form under any server
 * defaults. A broken idle connection is reported and replaced, never thrown.
 */
export function createPool(options: PoolOptions): pg.Pool {
  const pool = new pg.Pool({
    connectionString: options.connectionString,
    max: options.max,
    min: options.min ?? 0,
    application_name: options.applicationName,
    connectionTimeoutMillis: CONNECT_MS,
    idleTimeoutMillis: 10_000,
    allowExitOnIdle: false,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    options: sessionOptions(options.settings),
    maxUses: options.maxUses,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    types,
  });
  pool.on('error', options.onError);
  return pool;
}

/** The timeout of queries that only look, so that an unresponsive server does not hold their connection. */
export const LOOK_MS = 2_000;

/** How long a cancelled statement may stay silent before its connection counts as dead, in milliseconds. */
const SILENT_MS = 5_000;

/** The name and the settings of a connection while `body` has it. */
export interface Session {
  /** As `pg_stat_activity` shows it. */
  name: string;
  /** Its commits do not wait for the disk. */
  isAsync?: boolean;
}

/**
 * Runs `body` with a connection of its own. With `session` the connection has a name meanwhile, and its settings are
 * reset afterwards. After any error the connection is closed, since its state is unknown.
 * @param signal asks the work to stop; five seconds later the connection is closed, in case the server is silent
 */
export async function withClient<T>(
  pool: pg.Pool,
  body: (client: pg.PoolClient) => Promise<T>,
  session?: string | Session,
  signal?: AbortSignal,
): Promise<T> {
  const client = await pool.connect();
  const abandoning = abandonAfter(client, signal);
  // Without a listener the loss of a connection between two queries would end the process; the next query reports it.
  const ignore = () => {};
  client.on('error', ignore);
  let broken = true;
  try {
    if (session) await nameSession(client, typeof session === 'string' ? { name: session } : session);
    const result = await body(client);
    if (session) await client.query('RESET ALL'); // To what the pool has opened it with.
    broken = false;
    return result;
  } finally {
    abandoning.end();
    client.off('error', ignore);
    client.release(broken);
  }
}

async function nameSession(client: pg.ClientBase, { name, isAsync = false }: Session): Promise<void> {
  const settings = `SELECT set_config('application_name', $1, false)${isAsync ? ", set_config('synchronous_commit', 'off', false)" : ''}`;
  await client.query(settings, [name]);
}

function abandonAfter(client: pg.PoolClient, signal: AbortSignal | undefined): { end(): void } {
  let timer: NodeJS.Timeout | undefined;
  const { stream } = (client as unknown as { connection: { stream: Socket } }).connection;
  const begin = () => {
    timer = setTimeout(() => stream.destroy(), SILENT_MS);
  };
  if (signal?.aborted) begin();
  signal?.addEventListener('abort', begin, { once: true });
  return {
    end: () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', begin);
    },
  };
}

/** Runs `body` in a transaction: committed when it returns, rolled back when it throws. */
export async function withTransaction<T>(pool: pg.Pool, body: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  return withClient(pool, (client) => inTransaction(client, () => body(client)));
}

/**
 * The same on a connection that is already held. When even the rollback fails the connection is lost anyway.
 * @param body is given the rows of the last of the statements that begin the transaction
 * @param first these statements, in one way to the server and back: on a busy machine it may take milliseconds
 */
export async function inTransaction<T>(
  client: pg.ClientBase,
  body: (rows: pg.QueryResultRow[]) => Promise<T>,
  first: string[] = [],
): Promise<T> {
  try {
    const result = await body(await queryAll(client, ['BEGIN', ...first]));
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {});
    throw error;
  }
}

/** Runs statements without parameters in one round trip, each with its own snapshot. Returns the rows of the last. */
export async function queryAll(client: pg.ClientBase, statements: string[]): Promise<pg.QueryResultRow[]> {
  const results: pg.QueryResult | pg.QueryResult[] = await client.query(statements.join('; '));
  return (Array.isArray(results) ? results.at(-1)! : results).rows;
}
