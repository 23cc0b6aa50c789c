import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import type pg from 'pg';
import { quoteIdent, quoteLiteral } from '../postgres/copy.js';
import { READ_ONLY } from '../postgres/pool.js';

/** The role that owns the service's schemas. Only the set-up acts as it. */
export const OWNER = 'long_task_migrate';

/** A role as an address names it. */
export interface Login {
  name: string;
  password: string;
}

/** The roles that the service works under: one for its own tables, one that reads tables for exports. */
export interface Roles {
  app: Login;
  exporter: Login;
}

/** @throws Error when the address names no user */
export function loginOf(address: string): Login {
  const { username, password } = new URL(address);
  if (!username) throw new Error('DATABASE_URL and DATABASE_EXPORT_URL must name a user');
  return { name: decodeURIComponent(username), password: decodeURIComponent(password) };
}

/** Keeps values out of PostgreSQL's log: an error of COPY quotes the value that it refuses. */
const QUIET: Record<string, string> = {
  log_min_messages: 'fatal',
  log_min_error_statement: 'panic',
  log_statement: 'none',
  log_min_duration_statement: '-1',
  log_lock_waits: 'off',
  log_parameter_max_length: '0',
  log_parameter_max_length_on_error: '0',
};

/** Creates the roles, or brings existing ones into the same state. `client` is the administrator's. */
export async function createRoles(client: pg.ClientBase, { app, exporter }: Roles): Promise<void> {
  await assertPlain(client, [app.name, exporter.name]);
  const isSuperuser = await isCurrentSuperuser(client);
  if (isSuperuser) await createRole(client, OWNER, 'NOLOGIN', isSuperuser);
  for (const { name, password } of [app, exporter])
    await createRole(client, name, `LOGIN PASSWORD ${quoteLiteral(scramVerifier(password))}`, isSuperuser);
  if (isSuperuser) {
    await setFor(client, app.name, QUIET);
    await setFor(client, exporter.name, QUIET);
  }
  await setFor(client, exporter.name, READ_ONLY);
  // Lets the app see, cancel and end sessions of exports, without becoming that role.
  await client.query(`GRANT ${quoteIdent(exporter.name)} TO ${quoteIdent(app.name)} WITH INHERIT TRUE, SET FALSE`);
}

/** Says whether the session's role is a superuser. */
export async function isCurrentSuperuser(client: pg.ClientBase): Promise<boolean> {
  const { rows } = await client.query('SELECT rolsuper FROM pg_roles WHERE rolname = current_user');
  return rows[0].rolsuper;
}

/** Protects an administrator's role from losing its rights by a mistaken address. */
async function assertPlain(client: pg.ClientBase, names: string[]): Promise<void> {
  const { rows } = await client.query(
    'SELECT rolname FROM pg_roles WHERE rolname = ANY ($1) AND (rolsuper OR rolname = current_user)',
    [names],
  );
  const wrong = rows[0]?.rolname ?? (new Set(names).size < names.length ? names[0] : undefined);
  if (wrong === undefined) return;
  throw new Error(
    `the role ${wrong} cannot be one of the service: DATABASE_URL and DATABASE_EXPORT_URL must name two roles, neither of them an administrator`,
  );
}

async function createRole(client: pg.ClientBase, name: string, login: string, isSuperuser: boolean): Promise<void> {
  const role = quoteIdent(name);
  const { rowCount } = await client.query('SELECT FROM pg_roles WHERE rolname = $1', [name]);
  if (rowCount === 0) await client.query(`CREATE ROLE ${role}`);
  // Only a superuser may name these. Another administrator must be a member, to give tables to the role.
  const limits = isSuperuser ? 'NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS' : '';
  await client.query(`ALTER ROLE ${role} ${login} NOINHERIT ${limits}`);
  if (!isSuperuser) await client.query(`GRANT ${role} TO CURRENT_USER WITH INHERIT TRUE, SET TRUE`);
}

async function setFor(client: pg.ClientBase, name: string, settings: Record<string, string>): Promise<void> {
  for (const [setting, value] of Object.entries(settings))
    await client.query(`ALTER ROLE ${quoteIdent(name)} SET ${setting} = ${quoteLiteral(value)}`);
}

const ITERATIONS = 4096;

/** Returns what PostgreSQL stores of a password (RFC 5803), so that no statement and no log holds the password. */
function scramVerifier(password: string): string {
  const salt = randomBytes(16);
  const salted = pbkdf2Sync(password, salt, ITERATIONS, 32, 'sha256');
  const keyOf = (text: string) => createHmac('sha256', salted).update(text).digest();
  const stored = createHash('sha256').update(keyOf('Client Key')).digest('base64');
  const server = keyOf('Server Key').toString('base64');
  return `SCRAM-SHA-256$${ITERATIONS}:${salt.toString('base64')}$${stored}:${server}`;
}
