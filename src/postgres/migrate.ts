import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type RunnerOption, runner } from 'node-pg-migrate';
import pg from 'pg';
import { hasState } from './sqlstate.js';

/** The folder of SQL files, relative to the sources and to the compiled code alike. */
const DIRECTORY = fileURLToPath(
  new URL(`${import.meta.url.includes('/dist/') ? '../../../' : '../../'}migrations`, import.meta.url),
);

const OPTIONS = {
  dir: DIRECTORY,
  direction: 'up',
  migrationsTable: 'migrations',
  migrationsSchema: 'long_task',
  createMigrationsSchema: true,
  advisoryLockMode: 'wait',
  log: () => {},
} satisfies Partial<RunnerOption>;

/** Brings the database's schema up to date. Several processes may call it at once: one migrates, the others wait. */
export async function migrate(databaseUrl: string): Promise<void> {
  // Not by its address: node-pg-migrate does not wait until its session is closed, and the session would end the
  // process when PostgreSQL stops in that moment.
  const client = new pg.Client({ connectionString: databaseUrl });
  client.on('error', () => {}); // Reported by the query that needs the connection.
  await client.connect();
  try {
    await migrateWith(client);
  } finally {
    await client.end();
  }
}

/** The same in a session that is open already, as the role that it has. */
export async function migrateWith(client: pg.ClientBase): Promise<void> {
  await runner({ ...OPTIONS, dbClient: client });
}

/**
 * Brings the schema up to date where the role of the address may, and else checks that it is.
 * @throws Error that says what to do, when it is not
 */
export async function ensureSchema(databaseUrl: string): Promise<void> {
  if (await isUpToDate(databaseUrl)) return;
  await migrate(databaseUrl).catch((error: unknown) => {
    if (!hasState(error, 'insufficient_privilege')) throw error;
    throw new Error(
      'the schema is not up to date, and the role of DATABASE_URL may not change it: run `npm run setup:database`',
      { cause: error },
    );
  });
}

async function isUpToDate(connectionString: string): Promise<boolean> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 5_000 });
  client.on('error', () => {}); // Reported by the query that needs the connection.
  await client.connect();
  try {
    const { rows: there } = await client.query(
      `SELECT FROM pg_class WHERE relname = 'migrations' AND relnamespace = to_regnamespace('long_task')`,
    );
    if (there.length === 0) return false;
    const { rows } = await client.query('SELECT name FROM long_task.migrations');
    const applied = new Set(rows.map(({ name }) => name));
    return readdirSync(DIRECTORY).every((file) => applied.has(file.replace(/\.sql$/, '')));
  } finally {
    await client.end();
  }
}
