import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach } from 'vitest';
import { createLocalStore } from '../../src/storage/local-store.js';
import type { Store } from '../../src/storage/store.js';

/** The store of the test that runs, and its folder. */
export let root: string;
export let store: Store;

/** A store in a folder of its own for each test, created before it and removed after it. */
export function useStore(): void {
  beforeEach(async () => {
    root = await mkdtemp(path.join(os.tmpdir(), 'long-task-store-'));
    store = createLocalStore(root);
  });
  afterEach(() => rm(root, { recursive: true, force: true }));
}

/** A source that gives these pieces, or breaks off with an error. */
export async function* chunks(...parts: (string | Uint8Array | Error)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) {
    if (part instanceof Error) throw part;
    yield Buffer.from(part);
    await sleep(0);
  }
}

export async function content(key: string, range?: { start?: number; end?: number }): Promise<string> {
  return Buffer.concat(await store.openRead(key, range).toArray()).toString();
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Everything in the folder of the store but the empty place for unfinished files. */
export async function remains(): Promise<string[]> {
  const entries = await readdir(root, { recursive: true });
  return entries.filter((name) => name !== 'tmp').sort();
}
