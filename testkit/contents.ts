import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type pg from 'pg';

/** Names and what is in them, to be compared before and after. */
export type Contents = Map<string, string>;

/**
 * Every relation of the database outside of the system's catalogs, with its number of rows; oids in the names of TOAST
 * tables are left out. `long_task.tasks` and its events are counted without the task `except`: that it was there is
 * kept.
 */
export async function databaseContents(db: pg.Pool, except?: string): Promise<Contents> {
  const contents: Contents = new Map();
  const { rows } = await db.query(
    `SELECT n.nspname || '.' || regexp_replace(c.relname, '(?<=^pg_toast_)\\d+', 'oid') AS name, c.relkind AS kind,
            format('%I.%I', n.nspname, c.relname) AS quoted, n.nspname AS schema
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, c.relkind`,
  );
  for (const { name, kind, quoted, schema } of rows) {
    const isTable = ['r', 'p', 'm'].includes(kind) && schema !== 'pg_toast';
    const content = isTable ? `${await countRows(db, quoted, except)} rows` : `of kind ${kind}`;
    contents.set(name, contents.has(name) ? `${contents.get(name)}, ${content}` : content);
  }
  return contents;
}

async function countRows(db: pg.Pool, table: string, except?: string): Promise<number> {
  const own = { 'long_task.tasks': 'id', 'long_task.task_events': 'task_id' }[table];
  const filter = own && except ? `WHERE ${own} <> '${except}'` : '';
  const { rows } = await db.query(`SELECT count(*)::float8 AS count FROM ${table} ${filter}`);
  return rows[0].count;
}

/** Every file below a folder with its size, and every folder. Empty when there is no such folder. */
export async function folderContents(folder: string): Promise<Contents> {
  const contents: Contents = new Map();
  const entries = (await readdir(folder, { recursive: true, withFileTypes: true }).catch(nullWhenMissing)) ?? [];
  for (const entry of entries) {
    const file = path.join(entry.parentPath, entry.name);
    // Skips a file that vanished after the folder was read.
    const found = entry.isFile() ? await stat(file).catch(nullWhenMissing) : undefined;
    if (found !== null) contents.set(path.relative(folder, file), found ? `${found.size} bytes` : 'folder');
  }
  return contents;
}

/** What differs, one line each: `name: before → after`. */
export function differences(before: Contents, after: Contents): string[] {
  const names = [...new Set([...before.keys(), ...after.keys()])].sort();
  const changed = names.filter((name) => before.get(name) !== after.get(name));
  return changed.map((name) => `${name}: ${before.get(name) ?? 'not there'} → ${after.get(name) ?? 'not there'}`);
}

function nullWhenMissing(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}
