import { RESULTS, SOURCES } from '../storage/keys.js';
import { dropOrphanedStaging, hasTasks, listNeededSources, listOwners, type Owner } from '../tables/orphans.js';
import type { MaintenanceParts } from './maintenance-parts.js';

type Parts = Pick<MaintenanceParts, 'pool' | 'store' | 'log'>;

/** The number of keys that one statement looks up. */
const PAGE = 500;

/**
 * Tracks since when the database has had no task. Such a database may be new while the file store is old, or may still
 * be loading a dump. So the sweep waits as long as for a young file.
 */
export class Emptiness {
  #since: number | null = null;

  /** Returns whether orphans may be removed. */
  async isTrusted({ pool }: Pick<Parts, 'pool'>, olderThanMs: number): Promise<boolean> {
    if (await hasTasks(pool)) {
      this.#since = null;
      return true;
    }
    this.#since ??= Date.now();
    return this.#since <= Date.now() - olderThanMs;
  }
}

/**
 * Removes orphans: sources that no unfinished task needs, objects of downloads whose task is gone or has ended with
 * another result, and staging tables whose task is gone. Files must be older than `olderThanMs`.
 */
export async function sweepOrphans(parts: Parts, olderThanMs: number, emptiness = new Emptiness()): Promise<void> {
  if (!(await emptiness.isTrusted(parts, olderThanMs))) return;
  await sweepFiles(parts, SOURCES, olderThanMs, async (keys) => {
    const needed = await listNeededSources(parts.pool, keys);
    return keys.filter((key) => !needed.has(key));
  });
  await sweepFiles(parts, RESULTS, olderThanMs, async (keys) => {
    const owners = await listOwners(parts.pool, [...new Set(keys.map(ownerOf).filter(isUuid))]);
    return keys.filter((key) => !isOwned(key, owners.get(ownerOf(key))));
  });
  for (const name of await dropOrphanedStaging(parts.pool)) {
    parts.log.info({ table: name }, 'dropped a staging table whose task is gone');
  }
}

async function sweepFiles(
  { store, log }: Parts,
  prefix: string,
  olderThanMs: number,
  orphansOf: (keys: string[]) => Promise<string[]>,
): Promise<void> {
  const keys = await store.list(prefix);
  for (let i = 0; i < keys.length; i += PAGE) {
    for (const key of await orphansOf(keys.slice(i, i + PAGE))) {
      const found = await store.stat(key);
      if (!found || found.mtimeMs > Date.now() - olderThanMs) continue;
      await store.remove(key);
      log.info({ key }, 'removed a stored file that no task needs');
    }
  }
}

/** Returns the task after which the folder of a result is named. */
function ownerOf(key: string): string {
  return key.split('/')[1] ?? '';
}

function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);
}

function isOwned(key: string, owner: Owner | undefined): boolean {
  return owner !== undefined && (owner.isAtWork || owner.result === key);
}
