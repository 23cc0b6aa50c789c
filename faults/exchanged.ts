import type { DownloadFields, TaskKey } from '../src/client/client.js';
import type { Task } from '../src/contract/task.js';
import { type Fixture, newKey, patiently, watch } from './fixture.js';
import { type Finding, judge } from './oracle.js';
import { type Scenario, Violations } from './scenario.js';

/** A table to export, another one of the same columns and other rows, and a name that neither has. */
interface Tables {
  asked: string;
  other: string;
  unused: string;
}

interface Change {
  sql: (names: Tables) => string;
  /** The file has exactly the rows of the table; else the task fails with `target_changed`. */
  isExact?: boolean;
  isFrozen?: boolean;
}

const CHANGES: Record<string, Change> = {
  'swapped by a rename': {
    sql: ({ asked, other, unused }) =>
      `ALTER TABLE public.${asked} RENAME TO ${unused}; ALTER TABLE public.${other} RENAME TO ${asked}`,
    isExact: true,
  },
  'two columns renamed crosswise': {
    sql: ({ asked }) =>
      [`"Region" TO x`, `"Country" TO "Region"`, 'x TO "Country"']
        .map((rename) => `ALTER TABLE public.${asked} RENAME ${rename}`)
        .join('; '),
    isExact: true,
  },
  'moved to another schema': {
    sql: ({ asked, unused }) => `CREATE SCHEMA ${unused}; ALTER TABLE public.${asked} SET SCHEMA ${unused}`,
    isExact: true,
  },
  'dropped, and made again': {
    sql: ({ asked, other }) => `DROP TABLE public.${asked}; CREATE TABLE public.${asked} AS TABLE public.${other}`,
  },
  'emptied, and filled again': {
    sql: ({ asked, other }) => `TRUNCATE public.${asked}; INSERT INTO public.${asked} TABLE public.${other}`,
  },
  'rewritten in another order': {
    sql: ({ asked }) =>
      `CREATE INDEX by_${asked} ON public.${asked} ("Country"); CLUSTER public.${asked} USING by_${asked}`,
  },
  'a type altered': {
    sql: ({ asked }) => `ALTER TABLE public.${asked} ALTER "Region" TYPE varchar(7) USING left("Region", 7)`,
  },
  'dropped after its frozen copy': {
    sql: ({ asked }) => `DROP TABLE public.${asked}`,
    isExact: true,
    isFrozen: true,
  },
};

type When = 'parts run' | 'paused';

/** F24: the table is exchanged under its export. */
export const exchangedTables: Scenario[] = (['parts run', 'paused'] as const).map((when) => ({
  fault: 'F24',
  place: `exported table while ${when}: ${Object.keys(CHANGES).join(', ')}`,
  how: `another session changes a table, and the table of an upload, ${when === 'paused' ? 'between the pause and the resume' : 'between two parts'} of its export; an export for each way (short: half of them of uploads)`,
  run: (fixture) => exchangeTables(fixture, when),
}));

async function exchangeTables(fixture: Fixture, when: When): Promise<Finding> {
  const violations = new Violations();
  const round = async (name: string, change: Change, isUpload: boolean) => {
    const found = await exchange(fixture, when, change, isUpload);
    violations.add(found.map((what) => `${name}, ${isUpload ? 'upload' : 'table'}: ${what}`));
  };
  for (const isOdd of fixture.isShort ? [when === 'paused'] : [false, true]) {
    // Each way once at a time, half of them for uploads: in the short form the other half are in the other scenario.
    const changes = Object.entries(CHANGES).map(([name, change], i) => round(name, change, isOdd === (i % 2 === 1)));
    await Promise.all(changes);
  }
  return { violations: violations.found };
}

/** Slower each time that no part was left when the table changed. */
const SECONDS = [4, 8, 16];

async function exchange(fixture: Fixture, when: When, change: Change, isUpload: boolean): Promise<string[]> {
  for (const seconds of SECONDS) {
    const found = await exchangeOnce(fixture, { when, change, isUpload, seconds });
    if (found) return found;
  }
  return ['void: no part was left when the table changed'];
}

/** An exchange, and how long the export would take undisturbed. */
interface Attempt {
  when: When;
  change: Change;
  isUpload: boolean;
  seconds: number;
}

/** Resolves to undefined where no part was left when the table changed. */
async function exchangeOnce(fixture: Fixture, attempt: Attempt): Promise<string[] | undefined> {
  const { when, change, isUpload, seconds } = attempt;
  const { harness } = fixture;
  const violations = new Violations();
  const tables = { asked: `asked_${++exchanges}`, other: `other_${exchanges}`, unused: `unused_${exchanges}` };
  const consistency = change.isFrozen ? 'frozen' : 'live';
  try {
    const { key, fields, sha256 } = await (isUpload ? uploadTable : copyTable)(fixture, tables);
    await makeOther(fixture, tables);
    const max_bytes_per_second = Math.round(fixture.large.bytes / seconds);
    await start(fixture, key, { ...fields, consistency, max_bytes_per_second });
    await untilBetween(fixture, key, when);
    await harness.db.query(`BEGIN; ${change.sql(tables)}; COMMIT`);
    const isOnTime = await isHalfway(fixture, key);
    if (when === 'paused') await harness.client.command('resume', key);
    if (!isOnTime) {
      await judge({ ...fixture, exportSha256: sha256 }, key, ['completed', 'failed']);
      return undefined;
    }
    const expected = change.isExact ? 'completed' : 'failed';
    violations.add((await judge({ ...fixture, exportSha256: sha256 }, key, [expected])).violations);
    const { error } = await harness.client.progress(key);
    violations.expect(change.isExact || error?.code === 'target_changed', `failed with ${error?.code}`);
  } finally {
    const names = Object.values(tables).map((name) => `public.${name}`);
    await harness.db.query(`DROP TABLE IF EXISTS ${names.join(', ')}; DROP SCHEMA IF EXISTS ${tables.unused} CASCADE`);
  }
  return violations.found;
}

let exchanges = 0;

/** How an export is started, and the SHA-256 of what an undisturbed one gives. */
interface Asked {
  key: TaskKey;
  fields: DownloadFields;
  sha256: string;
}

/** The table of an upload, read by its row numbers under the header of the file. */
async function uploadTable({ harness, large }: Fixture, { asked }: Tables): Promise<Asked> {
  const upload = newKey();
  const idempotencyKey = upload.task_name;
  await patiently(() => harness.client.upload(upload, large.file, { table: asked }, { idempotencyKey }));
  await harness.client.waitFor(upload, ['completed']);
  return { key: { ...upload, kind: 'download' }, fields: {}, sha256: large.sha256 };
}

/** A table without a key, read by its pages. */
async function copyTable(fixture: Fixture, { asked }: Tables): Promise<Asked> {
  const { harness } = fixture;
  await harness.db.query(`CREATE TABLE public.${asked} AS TABLE public.large`);
  const undisturbed = newKey('download');
  const fields = { table: `public.${asked}` };
  await start(fixture, undisturbed, fields);
  const { receipt } = await harness.client.waitFor(undisturbed, ['completed']);
  return { key: newKey('download'), fields, sha256: receipt?.file?.sha256 as string };
}

/** Eight at once keep two cores busy: the API may ask to try again, and the key makes that one task. */
function start({ harness }: Fixture, key: TaskKey, fields: DownloadFields): Promise<Task> {
  return patiently(() => harness.client.download(key, fields, { idempotencyKey: key.task_name }));
}

async function makeOther({ harness }: Fixture, { asked, other }: Tables): Promise<void> {
  await harness.db.query(`CREATE TABLE public.${other} (LIKE public.${asked} INCLUDING ALL);
    INSERT INTO public.${other} SELECT * FROM public.${asked}; UPDATE public.${other} SET "Region" = 'not requested'`);
}

/**
 * Waits until a part is being read, so that the change follows it, or one is done; then pauses the task where that is
 * wanted.
 */
async function untilBetween(fixture: Fixture, key: TaskKey, when: When): Promise<void> {
  const { harness } = fixture;
  const { lockKey } = await watch(fixture, key).until(({ phase }) => phase === 'dumping', 'dumping');
  const isDumped = async () => (await watch(fixture, key).look()).rows > 0;
  const isRead = async () =>
    await harness.db.query(
      `SELECT FROM pg_stat_activity
        WHERE datname = current_database() AND application_name LIKE $1 AND query LIKE 'COPY %'`,
      [`long-task ${lockKey} %`],
    );
  if (when !== 'paused') return harness.until(async () => (await isRead()).rowCount || (await isDumped()));
  await harness.until(isDumped);
  await harness.client.command('pause', key);
  await watch(fixture, key).untilState('paused');
}

async function isHalfway({ harness }: Fixture, key: TaskKey): Promise<boolean> {
  const { rows } = await harness.db.query(
    `SELECT count(*) FILTER (WHERE done)::int AS done, count(*)::int AS parts
       FROM long_task.parts p JOIN long_task.tasks t ON t.id = p.task_id WHERE t.kind = $1 AND t.user_id = $2 AND t.task_name = $3`,
    [key.kind, key.user_id, key.task_name],
  );
  return rows[0].parts > 1 && rows[0].done < rows[0].parts;
}
