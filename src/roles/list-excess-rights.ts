import type pg from 'pg';

/** A right that a role of the service should not have, and the words for it. */
const EXCESS: [condition: string, what: string][] = [
  ['rolsuper', 'is a superuser'],
  ['NOT rolsuper AND rolcreaterole', 'may create roles (CREATEROLE)'],
  ['NOT rolsuper AND rolcreatedb', 'may create databases (CREATEDB)'],
  ['NOT rolsuper AND rolbypassrls', 'is not held to row-level security (BYPASSRLS)'],
  ['NOT rolsuper AND rolreplication', 'may replicate the whole server (REPLICATION)'],
  ...[
    'pg_execute_server_program',
    'pg_read_server_files',
    'pg_write_server_files',
    'pg_read_all_data',
    'pg_write_all_data',
  ].map((role): [string, string] => [`NOT rolsuper AND ${isMember(role)}`, `is a member of ${role}`]),
];

const EXPORTER_EXCESS: [string, string][] = [
  ...EXCESS,
  [`NOT rolsuper AND has_schema_privilege('long_task', 'USAGE')`, 'may use the schema long_task'],
];

function isMember(role: string): string {
  return `EXISTS (SELECT FROM pg_roles r WHERE r.rolname = '${role}' AND pg_has_role(r.oid, 'MEMBER'))`;
}

/** Lists what the roles of the service may do that they should not, a sentence each. */
export async function listExcessRights(pool: pg.Pool, exportPool: pg.Pool, isOneRole: boolean): Promise<string[]> {
  const app = await listOf(pool, 'DATABASE_URL', EXCESS);
  if (!isOneRole) return [...app, ...(await listOf(exportPool, 'DATABASE_EXPORT_URL', EXPORTER_EXCESS))];
  const shared = 'DATABASE_EXPORT_URL is not set: exports read tables with all the rights of the role of DATABASE_URL';
  return [...app, shared];
}

async function listOf(pool: pg.Pool, variable: string, rights: [string, string][]): Promise<string[]> {
  const { rows } = await pool.query({
    text: `SELECT ${rights.map(([condition]) => condition).join(', ')}, rolname FROM pg_roles WHERE rolname = current_user`,
    rowMode: 'array',
  });
  const [flags, name] = [rows[0].slice(0, -1), rows[0].at(-1)];
  return rights.filter((_, i) => flags[i]).map(([, what]) => `the role "${name}" of ${variable} ${what}`);
}
