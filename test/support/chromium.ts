import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import chromium from '@sparticuz/chromium';
import { type Browser, chromium as engine } from 'playwright-core';

/**
 * The only browser that comes as a package is for Linux on x64, and needs the system's libraries. Undefined when it can
 * run.
 */
export async function missingForChromium(): Promise<string | undefined> {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    return `there is no Chromium package for ${process.platform}-${process.arch}`;
  const { stdout } = await promisify(execFile)('ldd', [await chromium.executablePath()]).catch(() => ({ stdout: '' }));
  const missing = /^\s*(\S+) => not found/m.exec(stdout)?.[1];
  return missing && `Chromium needs ${missing}, which is not on this system`;
}

/** Starts a real Chromium. */
export async function launchChromium(args: string[] = []): Promise<Browser> {
  return engine.launch({
    executablePath: await chromium.executablePath(),
    args: ['--no-sandbox', '--headless=old', ...args],
  });
}
