import { execFileSync } from 'node:child_process';
import { chmod, chown, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { serverUser } from '../launcher/setpriv.js';
import { ApiError } from '../src/client/api-error.js';
import { noTask } from './files.js';
import { beginExport, beginLoad, type Fixture, newKey } from './fixture.js';
import { type Finding, judge, leftovers } from './oracle.js';
import { type Scenario, Violations } from './scenario.js';

/** F6: no space left, for files or for rows. */
export const diskFaults: Scenario[] = [
  {
    fault: 'F6',
    place: 'file store full: upload, export',
    how: 'the file store on a tmpfs of 1 MiB takes an upload, then an export; then room is made and the export resumed',
    run: (fixture) => withSmallDisk(fixture, fixture.harness.filesDir, '1m', fillDisk),
  },
  {
    fault: 'F6',
    place: 'disk of PostgreSQL full: load',
    how: 'the staging table is made in a tablespace on a tmpfs of 6 MiB; then room is made and the task resumed',
    run: fillTablespace,
  },
];

async function withSmallDisk(
  fixture: Fixture,
  folder: string,
  size: string,
  body: (fixture: Fixture, resize: (size: string) => void) => Promise<Finding>,
): Promise<Finding> {
  const mount = (...args: string[]) =>
    execFileSync('mount', ['-t', 'tmpfs', ...args, 'tmpfs', folder], { stdio: 'pipe' });
  try {
    mount('-o', `size=${size},mode=0700`);
  } catch (error) {
    return { violations: [], skipped: `a tmpfs cannot be mounted here: ${(error as Error).message.split('\n')[0]}` };
  }
  try {
    return await body(fixture, (more) => mount('-o', `remount,size=${more}`));
  } finally {
    await fixture.harness.until(() => isUnmounted(folder));
  }
}

/** Another process may be reading the folder at this moment. */
function isUnmounted(folder: string): boolean {
  try {
    execFileSync('umount', [folder], { stdio: 'pipe' });
    return true;
  } catch {
    return false;
  }
}

async function fillDisk(fixture: Fixture, resize: (size: string) => void): Promise<Finding> {
  const { harness } = fixture;
  const violations = new Violations();
  const key = newKey();
  const refused = await harness.client.upload(key, fixture.small.file).catch((error: unknown) => error);
  const status = refused instanceof ApiError ? refused.status : 'no error';
  violations.expect(status === 507, `an upload to a full disk was answered ${status}`);
  violations.add([...(await leftovers(fixture)), ...(await noTask(fixture, key))]);
  const exported = await beginExport(fixture, 0.2);
  const paused = await harness.client.waitFor(exported, ['paused']);
  violations.expect(paused.pause_reasons.includes('disk_full'), `paused for ${paused.pause_reasons}`);
  violations.expect(paused.download_url === null, 'there is a link to a file that is not whole');
  resize('16m');
  await harness.client.command('resume', exported);
  violations.add((await judge(fixture, exported, ['completed'])).violations);
  violations.add(await leftovers(fixture));
  return { violations: violations.found };
}

async function fillTablespace(fixture: Fixture): Promise<Finding> {
  const folder = path.join(fixture.harness.folder, 'tablespace');
  await mkdir(folder, { recursive: true });
  await chmod(fixture.harness.folder, 0o711); // The server, as a user of its own, has to come by here.
  return withSmallDisk(fixture, folder, '6m', (_harness, resize) => loadIntoTablespace(fixture, folder, resize));
}

async function loadIntoTablespace(fixture: Fixture, folder: string, resize: (size: string) => void): Promise<Finding> {
  const { harness, large } = fixture;
  const violations = new Violations();
  const owner = serverUser();
  if (owner) await chown(folder, owner.uid, owner.gid);
  await harness.db.query(`CREATE TABLESPACE small LOCATION '${folder}'`);
  await harness.db.query('GRANT CREATE ON TABLESPACE small TO long_task_app');
  await harness.db.query('ALTER DATABASE long_task SET default_tablespace = small');
  try {
    // Sessions that are there already keep what they have.
    await harness.killWorkers();
    await harness.startWorker();
    const key = await beginLoad(fixture, 0.001, large);
    const paused = await harness.client.waitFor(key, ['paused']);
    violations.expect(paused.error?.code === 'disk_full', `paused with ${paused.error?.code}`);
    violations.expect(paused.pause_reasons.includes('disk_full'), `paused for ${paused.pause_reasons}`);
    violations.expect(paused.rows.done > 0, 'void: nothing was loaded before');
    resize('200m');
    await harness.client.command('resume', key);
    const verdict = await judge(fixture, key, ['completed'], large);
    violations.add(verdict.violations);
    return { violations: violations.found, redone: verdict.redone };
  } finally {
    await harness.db.query('ALTER DATABASE long_task RESET default_tablespace');
    await harness.killWorkers();
    await harness.until(() =>
      harness.db.query('DROP TABLESPACE small').then(
        () => true,
        () => false,
      ),
    );
    await harness.startWorker();
  }
}
