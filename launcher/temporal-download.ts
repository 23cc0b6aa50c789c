import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';

/** How a copy of the CLI is made: complete at `file`, or an Error of one sentence. */
export interface MakeTemporalCliOptions {
  file: string;
  /** Without a leading "v". */
  version: string;
  log: (message: string) => void;
  signal?: AbortSignal;
}

const secondsToAnswer = 10;
const secondsToArrive = 300;

/**
 * Downloads the official release from temporal.download, where the SDK gets its test servers from (its own code for it
 * is part of `@temporalio/testing` and starts what it finds, so it cannot provide the file alone).
 * @throws Error, after ten seconds at most, when the site cannot be reached.
 */
export async function downloadTemporalCli({ file, version, log, signal }: MakeTemporalCliOptions): Promise<void> {
  const platform = process.platform;
  const arch = process.arch === 'x64' ? 'amd64' : process.arch;
  if (platform === 'win32') throw new Error('a download of the Temporal CLI for Windows is not unpacked here');
  const url = `https://temporal.download/cli/archive/v${version}?platform=${platform}&arch=${arch}`;
  log(`downloading the Temporal CLI ${version}`);
  const folder = mkdtempSync(`${file}-`);
  try {
    await unpack(await open(url, signal), folder);
    renameSync(path.join(folder, 'temporal'), file);
    chmodSync(file, 0o755);
  } catch (error) {
    const { message, cause } = error as Error & { cause?: Error };
    throw new Error(`the Temporal CLI could not be downloaded (${cause?.message ?? message})`, { cause: error });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function open(url: string, signal?: AbortSignal): Promise<Readable> {
  const noAnswer = new AbortController();
  const timer = setTimeout(
    () => noAnswer.abort(new Error(`no answer within ${secondsToAnswer} s`)),
    secondsToAnswer * 1000,
  );
  const signals = [noAnswer.signal, AbortSignal.timeout(secondsToArrive * 1000), ...(signal ? [signal] : [])];
  try {
    const response = await fetch(url, { signal: AbortSignal.any(signals) });
    if (!response.ok || !response.body) throw new Error(`HTTP status ${response.status}`);
    return Readable.fromWeb(response.body as ReadableStream);
  } finally {
    clearTimeout(timer);
  }
}

async function unpack(archive: Readable, folder: string): Promise<void> {
  const tar = spawn('tar', ['-xzf', '-', '-C', folder, 'temporal'], { stdio: ['pipe', 'ignore', 'ignore'] });
  const ended = new Promise<void>((resolve, reject) => {
    tar.once('error', reject);
    tar.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`tar ended with exit code ${code}`))));
  });
  await Promise.all([pipeline(archive, tar.stdin), ended]);
}
