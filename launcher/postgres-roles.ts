import { createHmac } from 'node:crypto';
import pg from 'pg';
import { type Addresses, setUpDatabase } from '../src/roles/set-up.js';

/** The addresses of an embedded server's database: that of its superuser, and those under which the service works. */
export function addressesOf(admin: string): Addresses {
  return { admin, app: addressFor(admin, 'long_task_app'), exporter: addressFor(admin, 'long_task_export') };
}

/** Makes these roles and brings the database up to date. */
export async function prepareDatabase(admin: string, exportTables: string): Promise<void> {
  await setUpDatabase(addressesOf(admin), exportTables);
}

/**
 * Does the same for tests and fault runs, where any table may be exported. Also grants the exporter default privileges
 * on objects that the superuser creates later, so that tests need no GRANT each.
 */
export async function prepareOpenDatabase(admin: string): Promise<void> {
  await prepareDatabase(admin, ALL_TABLES);
  const client = new pg.Client({ connectionString: admin });
  await client.connect();
  try {
    for (const rights of ['SELECT ON TABLES', 'USAGE ON SCHEMAS'])
      await client.query(`ALTER DEFAULT PRIVILEGES GRANT ${rights} TO long_task_export`);
  } finally {
    await client.end();
  }
}

/** As EXPORT_TABLES. */
export const ALL_TABLES = '*.*';

// The password is made of the superuser's and does not lead back to it: there is no further secret to keep.
function addressFor(admin: string, username: string): string {
  const { password } = new URL(admin);
  return Object.assign(new URL(admin), {
    username,
    password: createHmac('sha256', password).update(username).digest('base64url'),
  }).href;
}
