import pg from 'pg';
import { migrateWith } from '../postgres/migrate.js';
import { createGrantFunction, grantListed, parseExportTables } from '../tables/export-tables.js';
import { grantRights, takeOverSchemas, takeOverTables } from './rights.js';
import { createRoles, isCurrentSuperuser, loginOf, OWNER } from './roles.js';

/** The addresses of one database, by role. */
export interface Addresses {
  /** Of a role that may create roles and own the schemas: mostly a superuser. */
  admin: string;
  /** Of the role under which API and worker keep their tables. */
  app: string;
  /** Of the role under which tables are read for exports. */
  exporter: string;
}

/** The first version with GRANT … WITH INHERIT TRUE, SET FALSE. */
const LEAST_VERSION = 160_000;
const LOCK_TIMEOUT_MS = 10_000;

/**
 * Creates the roles that the addresses name, brings the schema up to date, and grants each role what it needs. Changes
 * nothing the second time. Tables that an earlier version created as the administrator change their owner.
 */
export async function setUpDatabase({ admin, app, exporter }: Addresses, exportTables: string): Promise<void> {
  const roles = { app: loginOf(app), exporter: loginOf(exporter) };
  const client = new pg.Client({
    connectionString: admin,
    application_name: 'long-task set-up',
    options: `-c search_path=pg_catalog -c lock_timeout=${LOCK_TIMEOUT_MS}`,
  });
  client.on('error', () => {}); // Reported by the query that needs the connection.
  await client.connect();
  try {
    await assertVersion(client);
    await createRoles(client, roles);
    await asOwner(client, () => migrateWith(client));
    await takeOverTables(client, roles);
    await grantRights(client, roles);
    await createGrantFunction(client, parseExportTables(exportTables), {
      app: roles.app.name,
      exporter: roles.exporter.name,
    });
    await grantListed(client);
  } finally {
    await client.end();
  }
}

async function assertVersion(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query(`SELECT current_setting('server_version_num')::int AS version`);
  if (rows[0].version < LEAST_VERSION)
    throw new Error('the roles of the service need PostgreSQL 16 or newer: with an older one set DATABASE_URL alone');
}

/** An administrator who is no superuser is the owner itself. */
async function asOwner(client: pg.ClientBase, body: () => Promise<void>): Promise<void> {
  if (!(await isCurrentSuperuser(client))) return body();
  await takeOverSchemas(client);
  const { rows } = await client.query('SELECT quote_ident(current_database()) AS name');
  await client.query(`GRANT CREATE ON DATABASE ${rows[0].name} TO ${OWNER}`);
  await client.query(`SET ROLE ${OWNER}`);
  await body();
  await client.query('RESET ROLE');
}
