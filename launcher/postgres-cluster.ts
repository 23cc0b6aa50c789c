import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { commandLine, isAlive, sendSignal, stopPid } from './pids.js';
import { findPostgresBinaries } from './postgres-binaries.js';
import { asServerUser, serverUser } from './setpriv.js';

/** The files of an embedded PostgreSQL below `DATA_DIR`. */
export interface PostgresCluster {
  /** PostgreSQL's own data directory. */
  folder: string;
  /** Password of the superuser `postgres`. */
  password: string;
  logFile: string;
}

/**
 * Makes the data directory below `dataDir` if there is none, and opens it to the user that runs the server.
 * A run that is killed meanwhile never leaves a partial cluster that the next run would use.
 * @throws Error with initdb's last words, or when the password of an existing cluster is lost.
 */
export async function prepareCluster(dataDir: string, log: (message: string) => void): Promise<PostgresCluster> {
  const logFile = path.join(dataDir, 'logs', 'postgres.log');
  mkdirSync(path.dirname(logFile), { recursive: true, mode: 0o700 });
  const folder = clusterFolder(dataDir);
  const passwordFile = path.join(dataDir, 'postgres-password');
  const isNew = !existsSync(path.join(folder, 'PG_VERSION'));
  if (isNew && !existsSync(passwordFile)) writeFileSync(passwordFile, newPassword(), { mode: 0o600 });
  if (!existsSync(passwordFile)) throw new Error(`${passwordFile} is missing; ${folder} cannot be used without it`);
  if (isNew) {
    log('creating a PostgreSQL data directory');
    await initialise(folder, passwordFile);
  }
  giveToServerUser(folder);
  return { folder, password: readFileSync(passwordFile, 'utf8').trim(), logFile };
}

/** Stops a server that an earlier run left on this data directory. Resolves to its pid, or undefined. */
export async function stopLeftoverPostgres(dataDir: string): Promise<number | undefined> {
  const folder = clusterFolder(dataDir);
  const pid = Number(readPostmasterPid(folder)[0] ?? 0);
  if (!pid || !isAlive(pid)) return undefined;
  if (!commandLine(pid).includes(folder)) {
    // A killed server left it, and the pid belongs to another process by now: PostgreSQL would refuse to start.
    rmSync(path.join(folder, 'postmaster.pid'), { force: true });
    return undefined;
  }
  await stopPid(pid, { ...postgresStop, graceMs: 15_000 });
  return pid;
}

/** Ends the sessions of a killed server: while they are busy, no new one can start (Linux only). */
export function stopOrphanedSessions(folder: string): void {
  if (process.platform !== 'linux') return;
  // Their command lines do not name the data directory, but they work in it.
  const pids = readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && workingFolder(pid) === folder);
  for (const pid of pids) sendSignal(pid, 'SIGQUIT');
}

/** SIGINT is PostgreSQL's fast shutdown; SIGQUIT gives up at once and recovers at the next start. */
export const postgresStop = { signal: 'SIGINT', lastSignal: 'SIGQUIT', graceMs: 60_000 } as const;

/** The lines of `postmaster.pid`: [0] is the pid, [7] says "ready" when connections are accepted. Empty without it. */
export function readPostmasterPid(folder: string): string[] {
  try {
    return readFileSync(path.join(folder, 'postmaster.pid'), 'utf8').split('\n');
  } catch {
    return [];
  }
}

function workingFolder(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return undefined;
  }
}

function clusterFolder(dataDir: string): string {
  return path.join(existsSync(dataDir) ? realpathSync(dataDir) : path.resolve(dataDir), 'postgres');
}

async function initialise(folder: string, passwordFile: string): Promise<void> {
  const { initdb } = await findPostgresBinaries();
  const unfinished = `${folder}.new`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { recursive: true, mode: 0o700 });
  giveToServerUser(unfinished);
  giveToServerUser(passwordFile);
  // The built-in locale sorts and classifies alike on every machine; the system's own depends on its libc.
  const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  const access = ['--username=postgres', '--auth=scram-sha-256', `--pwfile=${passwordFile}`];
  const [program, ...args] = asServerUser([initdb, '-D', unfinished, ...locale, ...access]);
  try {
    await promisify(execFile)(program as string, args, { env: postgresEnv() });
  } catch (error) {
    const { stderr } = error as { stderr?: string };
    throw new Error(`PostgreSQL's initdb failed: ${(stderr || String(error)).trim()}`, { cause: error });
  }
  rmSync(folder, { recursive: true, force: true });
  renameSync(unfinished, folder);
}

/** Our environment without the settings of PostgreSQL's own programs, which are meant for another server. */
export function postgresEnv(): NodeJS.ProcessEnv {
  const foreign = (name: string) => name.startsWith('PG') || name.startsWith('LC_') || name === 'LANG';
  return { ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign(name))), LC_ALL: 'C' };
}

// PostgreSQL insists on owning its data. As root we may be followed by a run that finds another user to use.
function giveToServerUser(file: string): void {
  const user = serverUser();
  if (!user) return;
  const stat = lstatSync(file);
  if (stat.uid === user.uid) return;
  if (stat.isDirectory()) for (const entry of readdirSync(file)) giveToServerUser(path.join(file, entry));
  chownSync(file, user.uid, user.gid);
}

function newPassword(): string {
  return randomBytes(24).toString('base64url');
}
