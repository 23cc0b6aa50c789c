import type pg from 'pg';
import { quoteIdent } from '../postgres/copy.js';
import { OWNER, type Roles } from './roles.js';

const SCHEMAS = ['long_task', 'long_task_staging'];

/** Gives the owner the schemas and tables that an earlier version created as the administrator. */
export async function takeOverSchemas(client: pg.ClientBase): Promise<void> {
  const { rows: schemas } = await client.query(
    `SELECT quote_ident(nspname) AS name FROM pg_namespace WHERE nspname = ANY ($1) AND nspowner <> $2::regrole`,
    [SCHEMAS, OWNER],
  );
  for (const { name } of schemas) await client.query(`ALTER SCHEMA ${name} OWNER TO ${OWNER}`);
  await changeOwner(client, OWNER, `n.nspname = 'long_task'`);
}

/** Gives the app the tables that an earlier version loaded or copied as the administrator, published ones too. */
export async function takeOverTables(client: pg.ClientBase, { app, exporter }: Roles): Promise<void> {
  const published = `n.nspname <> 'long_task_staging' AND c.relowner = current_user::regrole AND c.oid IN (
    SELECT t.table_oid FROM long_task.tasks t JOIN pg_attribute a ON a.attrelid = t.table_oid
     WHERE t.kind = 'upload' AND t.state = 'completed' AND a.attnum = 1 AND a.attname = '_row')`;
  const staged = `n.nspname = 'long_task_staging'`;
  for (const name of await changeOwner(client, quoteIdent(app.name), `(${published}) OR (${staged})`))
    await client.query(`GRANT SELECT ON ${name} TO ${quoteIdent(exporter.name)}`);
}

/** Returns the names of the tables whose owner was another one. */
async function changeOwner(client: pg.ClientBase, owner: string, condition: string): Promise<string[]> {
  const { rows } = await client.query(
    `SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'p') AND c.relowner <> $1::regrole AND (${condition})`,
    [owner],
  );
  for (const { name } of rows) await client.query(`ALTER TABLE ${name} OWNER TO ${owner}`);
  return rows.map(({ name }) => name);
}

/** Grants the app what it works with, and the exporter the tables that the app will publish. */
export async function grantRights(client: pg.ClientBase, roles: Roles): Promise<void> {
  const [app, exporter] = [quoteIdent(roles.app.name), quoteIdent(roles.exporter.name)];
  const database = (await client.query('SELECT current_database() AS name')).rows[0].name;
  for (const statement of [
    `GRANT TEMPORARY ON DATABASE ${quoteIdent(database)} TO ${app}`,
    `GRANT USAGE ON SCHEMA long_task TO ${app}`,
    `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA long_task TO ${app}`,
    `GRANT USAGE ON ALL SEQUENCES IN SCHEMA long_task TO ${app}`,
    `REVOKE INSERT, UPDATE, DELETE ON long_task.migrations FROM ${app}`,
    `GRANT USAGE, CREATE ON SCHEMA long_task_staging, public TO ${app}`,
    `GRANT USAGE ON SCHEMA public TO ${exporter}`,
    `ALTER DEFAULT PRIVILEGES FOR ROLE ${app} GRANT SELECT ON TABLES TO ${exporter}`,
  ])
    await client.query(statement);
}
