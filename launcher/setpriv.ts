import { execFileSync } from 'node:child_process';
import { findOnPath } from './programs.js';

/** The command line, ended by `signal` when this process is gone (Linux with util-linux); elsewhere as given. */
export function endingWithUs(commandLine: string[], signal: NodeJS.Signals): string[] {
  if (!setpriv() || commandLine[0] === setpriv()) return commandLine;
  return [setpriv() as string, ...parentDeath(signal), ...commandLine];
}

/**
 * The command line of a PostgreSQL program, which refuses to run as root. For other users it is the same as given. For
 * root it runs as `postgres`, or `nobody` where there is no such user, with one capability kept: `dac_override`.
 * Without it that user could not reach binaries and data below a folder like /root that only root may enter.
 * @throws Error when root has no util-linux `setpriv`, with what to do instead.
 */
export function asServerUser(commandLine: string[], signal: NodeJS.Signals = 'SIGINT'): string[] {
  const user = serverUser();
  if (!user) return endingWithUs(commandLine, signal);
  if (!setpriv()) throw new Error(`PostgreSQL does not run as root and setpriv (util-linux) is missing: ${wayOut}`);
  const capability = '-all,+dac_override';
  const identity = ['--reuid', `${user.uid}`, '--regid', `${user.gid}`, '--clear-groups'];
  const capabilities = [`--inh-caps=${capability}`, `--ambient-caps=${capability}`, `--bounding-set=${capability}`];
  // access(2), by which PostgreSQL's programs look for each other, otherwise ignores capabilities.
  const securebits = ['--securebits', '+no_setuid_fixup'];
  return [setpriv() as string, ...identity, ...capabilities, ...securebits, ...parentDeath(signal), ...commandLine];
}

/** What to do where PostgreSQL cannot be started by us. */
export const wayOut = 'start Long-Task as an ordinary user, or set DATABASE_URL to a PostgreSQL server of your own';

/** Who runs PostgreSQL when we are root; undefined when we are not. */
export function serverUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  cachedUser ??= lookUp('postgres') ?? lookUp('nobody');
  if (!cachedUser) throw new Error(`PostgreSQL does not run as root and there is no user "nobody": ${wayOut}`);
  return cachedUser;
}

let cachedUser: { uid: number; gid: number } | undefined;

function lookUp(name: string): { uid: number; gid: number } | undefined {
  try {
    const id = (flag: string) => Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: 'pipe' }));
    return { uid: id('-u'), gid: id('-g') };
  } catch {
    return undefined;
  }
}

function parentDeath(signal: NodeJS.Signals): string[] {
  return ['--pdeathsig', signal.replace('SIG', '')];
}

// busybox has a setpriv too, which knows nothing of these options.
function setpriv(): string | undefined {
  if (cachedSetpriv === null) {
    const found = process.platform === 'linux' ? findOnPath('setpriv') : undefined;
    cachedSetpriv = found && isFromUtilLinux(found) ? found : undefined;
  }
  return cachedSetpriv;
}

let cachedSetpriv: string | undefined | null = null;

function isFromUtilLinux(program: string): boolean {
  try {
    return execFileSync(program, ['--version'], { encoding: 'utf8', stdio: 'pipe' }).includes('util-linux');
  } catch {
    return false;
  }
}
