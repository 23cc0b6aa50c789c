import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { findOnPath, isExecutable } from './programs.js';
import { buildTemporalCli } from './temporal-build.js';
import { downloadTemporalCli } from './temporal-download.js';

/** The release that is downloaded or built where none is installed; `launcher/temporal-cli/go.mod` pins the same. */
export const temporalCliVersion = '1.8.2';

export interface FindTemporalCliOptions {
  /** Where a copy is kept. Default `$XDG_CACHE_HOME/long-task` or `~/.cache/long-task`: shared by all clones. */
  cacheDir?: string;
  /** Receives progress messages, one sentence each. */
  log: (message: string) => void;
  /** Ends a download or a build that is under way. */
  signal?: AbortSignal;
}

/**
 * Resolves to the absolute path of a `temporal` CLI that runs on this machine: the one on PATH, else a copy made
 * earlier, else the official release (the SDK's own source), else one built by Go from the pinned module. The last
 * takes about three minutes on two cores, once. Two runs at the same time are safe: a copy appears in one step,
 * complete.
 * @throws Error with what was tried and what to do, when nothing works.
 */
export async function findTemporalCli(options: FindTemporalCliOptions): Promise<string> {
  const { cacheDir = defaultCacheDir(), log, signal } = options;
  const installed = findOnPath('temporal');
  if (installed && works(installed)) return installed;
  const cached = path.join(cacheDir, `temporal-${temporalCliVersion}`);
  if (isExecutable(cached)) return cached;

  mkdirSync(cacheDir, { recursive: true });
  const problems: string[] = [];
  for (const make of [downloadTemporalCli, buildTemporalCli]) {
    const unfinished = `${cached}.${process.pid}`;
    try {
      await make({ file: unfinished, version: temporalCliVersion, log, signal });
      if (!works(unfinished)) throw new Error('the result does not run on this machine');
      renameSync(unfinished, cached);
      return cached;
    } catch (error) {
      signal?.throwIfAborted();
      problems.push((error as Error).message);
      log((error as Error).message);
    } finally {
      rmSync(unfinished, { force: true });
    }
  }
  throw new Error(`there is no Temporal server to use: first ${problems.join('; then ')}. ${wayOut}`);
}

const wayOut =
  'Do one of these: set TEMPORAL_ADDRESS to a running Temporal server, ' +
  'put the `temporal` CLI on PATH (https://docs.temporal.io/cli), or install Go >= 1.26.4 to have it built';

function defaultCacheDir(): string {
  return path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'long-task');
}

// Other programs may bear the name.
function works(program: string): boolean {
  try {
    const version = execFileSync(program, ['--version'], { encoding: 'utf8', stdio: 'pipe', timeout: 20_000 });
    return version.startsWith('temporal version');
  } catch {
    return false;
  }
}
