import { createHmac } from 'node:crypto';
import { type Addresses, setUpDatabase } from '../src/postgres/set-up.js';

/** The addresses of an embedded server's database: that of its superuser, and those under which the service works. */
export function addressesOf(admin: string): Addresses {
  return { admin, app: addressFor(admin, 'long_task_app'), exporter: addressFor(admin, 'long_task_export') };
}

/** Makes these roles and brings the database up to date. */
export async function prepareDatabase(admin: string, exportTables: string): Promise<void> {
  await setUpDatabase(addressesOf(admin), exportTables);
}

// The password is made of the superuser's and does not lead back to it: there is no further secret to keep.
function addressFor(admin: string, username: string): string {
  const { password } = new URL(admin);
  return Object.assign(new URL(admin), {
    username,
    password: createHmac('sha256', password).update(username).digest('base64url'),
  }).href;
}
