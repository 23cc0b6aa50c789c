import { execFile, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { inProject } from './paths.js';
import { findOnPath } from './programs.js';
import type { MakeTemporalCliOptions } from './temporal-download.js';

const packageName = 'github.com/temporalio/cli/cmd/temporal';
const versionVariable = 'github.com/temporalio/cli/internal/temporalcli.Version';

/**
 * Builds the CLI, with server and Web UI inside, from the module in `launcher/temporal-cli`, whose go.sum pins every
 * source. Takes about three minutes on two cores the first time, seconds later; says every ten seconds how far it is.
 * @throws Error with Go's last words, or when there is no Go.
 */
export async function buildTemporalCli({ file, version, log, signal }: MakeTemporalCliOptions): Promise<void> {
  const go = findOnPath('go');
  if (!go) throw new Error('there is no Go to build the Temporal CLI with');
  const began = Date.now();
  const seconds = () => Math.round((Date.now() - began) / 1000);
  log(`building the Temporal CLI ${version} with Go (about three minutes the first time)`);
  const progress = { compiled: 0, total: 0 };
  const timer = setInterval(() => log(`building the Temporal CLI: ${describe(progress)}, ${seconds()} s`), 10_000);
  try {
    await run(go, ['mod', 'download'], signal, () => {});
    progress.total = await countPackages(go, signal);
    await build({ go, file, version, signal, progress });
  } finally {
    clearInterval(timer);
  }
  log(`built the Temporal CLI in ${seconds()} s`);
}

interface Progress {
  compiled: number;
  total: number;
}

function describe({ compiled, total }: Progress): string {
  if (!total) return 'downloading its sources';
  // The last step, linking, names no package; packages that Go has compiled before are not named either.
  return `${compiled} of ${total} packages compiled`;
}

async function countPackages(go: string, signal?: AbortSignal): Promise<number> {
  const { stdout } = await promisify(execFile)(go, ['list', '-deps', packageName], { ...inModule(), signal });
  return stdout.trim().split('\n').length;
}

interface BuildOptions {
  go: string;
  file: string;
  version: string;
  signal?: AbortSignal;
  progress: Progress;
}

async function build({ go, file, version, signal, progress }: BuildOptions): Promise<void> {
  const flags = ['-v', '-trimpath', '-ldflags', `-s -w -X ${versionVariable}=${version}`, '-o', file];
  await run(go, ['build', ...flags, packageName], signal, (line) => {
    if (!line.startsWith('go: ')) progress.compiled++;
  });
}

function run(go: string, args: string[], signal: AbortSignal | undefined, onLine: (line: string) => void) {
  return new Promise<void>((resolve, reject) => {
    const child = spawn(go, args, { ...inModule(), signal, stdio: ['ignore', 'ignore', 'pipe'] });
    let lastLine = '';
    createInterface({ input: child.stderr }).on('line', (line) => {
      lastLine = line;
      onLine(line);
    });
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`Go could not build the Temporal CLI (${lastLine.trim()}); Go >= 1.26.4 is needed`));
    });
  });
}

function inModule(): { cwd: string; env: NodeJS.ProcessEnv; maxBuffer: number } {
  // A workspace or vendor setting of the user's shell would take the place of the pinned module.
  const env = { ...process.env, GOWORK: 'off', GOFLAGS: '-mod=readonly' };
  return { cwd: inProject('launcher', 'temporal-cli'), env, maxBuffer: 16 * 1024 * 1024 };
}
