import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** The newest release line that the project promises; the image runs it, too. */
const VERSION = '24.21.0';

/** The packages of the registry that hold the bare binary. There is none of this release line for macOS. */
const PACKAGE = `node-${process.platform}-${process.arch}`;

/**
 * Finds Node.js 24: this process's own, else a copy in the cache, else the one of the npm registry. Not a development
 * dependency: npm would link it as `node_modules/.bin/node`, and every script would run on it.
 * @returns the binary's path, or why there is none
 */
export function findNode24(): { node: string } | { missing: string } {
  if (process.version.startsWith('v24.')) return { node: process.execPath };
  const folder = path.join(cacheFolder(), `node-${VERSION}`);
  const node = path.join(folder, 'node_modules', PACKAGE, 'bin', 'node');
  if (existsSync(node)) return { node };
  try {
    install(folder);
    return { node };
  } catch (error) {
    const [reason] = (error as Error & { stderr?: string }).stderr?.match(/npm error .*/) ?? [(error as Error).message];
    return { missing: `${PACKAGE}@${VERSION} cannot be installed: ${reason}` };
  }
}

/** Installs next to the folder and renames, so that two runs at once never see half of a copy. */
function install(folder: string): void {
  const unfinished = `${folder}.${process.pid}`;
  mkdirSync(unfinished, { recursive: true });
  try {
    const options = ['--no-save', '--no-package-lock', '--no-audit', '--no-fund', '--prefix', unfinished];
    execFileSync('npm', ['install', ...options, `${PACKAGE}@${VERSION}`], { encoding: 'utf8', stdio: 'pipe' });
    if (!existsSync(folder)) renameSync(unfinished, folder);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}

function cacheFolder(): string {
  return path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'long-task');
}

/** Runs a script of the project on the binary; nothing of the run that starts it is passed on. */
export function runOn(node: string, args: string[]): { status: number | null; output: string } {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(VITEST|NODE_|npm_|TEST$)/.test(name)),
  );
  const { status, stdout, stderr } = spawnSync(node, args, { encoding: 'utf8', env, maxBuffer: 1 << 26 });
  return { status, output: `${stdout}${stderr}` };
}
