import { setTimeout as sleep } from 'node:timers/promises';
import type { TaskKey } from '../src/client/client.js';
import { killWorker } from '../testkit/service.js';
import { pauseByApi } from '../testkit/steering.js';
import { heldInDatabase, Missed, TaskWatch } from '../testkit/task-watch.js';
import type { Workspace } from '../testkit/workspace.js';

/** What is done to a load, and the number of committed rows at which it is done. */
export interface Fault {
  kind: (typeof KINDS)[number];
  atRow: number;
  /** How long a pause lasts. */
  restMs: number;
}

const KINDS = ['pause', 'kill', 'pause + kill', 'kill while paused', 'resume + kill'] as const;

/**
 * A killed worker's activities are silent for 8 s before another worker takes over: more than two kills would only take
 * longer.
 */
const MAX_KILLS = 2;

/** Two to four faults in the order of their rows, at least one of them with a `kill -9`. */
export function planFaults(random: () => number, rows: number): Fault[] {
  const size = 2 + (random() % 3);
  const kinds = Array.from({ length: size }, () => KINDS[random() % KINDS.length] as Fault['kind']);
  if (!kinds.some(hasKill)) kinds[random() % size] = KINDS[1 + (random() % 4)] as Fault['kind'];
  let kills = 0;
  const calmed = kinds.map((kind) => (hasKill(kind) && ++kills > MAX_KILLS ? 'pause' : kind));
  const places = calmed.map(() => Math.floor((rows * (5 + (random() % 85))) / 100)).sort((a, b) => a - b);
  return calmed.map((kind, index) => ({ kind, atRow: places[index] as number, restMs: random() % 300 }));
}

function hasKill(kind: Fault['kind']): boolean {
  return kind !== 'pause';
}

export interface Outcome {
  /** The faults that hit, for people to read. */
  done: string[];
  violations: string[];
}

/**
 * Does the faults to a load, each while rows move: there are committed ones and some still to come. Resolves to those
 * that hit, and to what was wrong during the pauses: a row that was committed, a session or a lock that was held.
 */
export async function disturb(workspace: Workspace, key: TaskKey, faults: Fault[]): Promise<Outcome> {
  const watch = new TaskWatch(workspace.db, key);
  const done: string[] = [];
  const violations: string[] = [];
  for (const fault of faults) {
    try {
      await watch.until(
        (snapshot) => snapshot.phase === 'loading' && snapshot.rows >= fault.atRow,
        `at row ${fault.atRow}`,
      );
      const hit = await commit(workspace, key, fault, violations);
      if (hit) done.push(`${fault.kind} at ${hit}`);
    } catch (error) {
      if (error instanceof Missed) break;
      throw error;
    }
  }
  return { done, violations };
}

/** Resolves to the row count at which it hit, undefined when the last row was committed already. */
async function commit(
  workspace: Workspace,
  key: TaskKey,
  fault: Fault,
  violations: string[],
): Promise<number | undefined> {
  const { client, db, service } = workspace;
  const watch = new TaskWatch(db, key);
  const kill = () => killWorker(service);
  if (fault.kind === 'kill') await kill();
  else if (fault.kind === 'pause + kill') {
    const paused = client.command('pause', key);
    await sleep(fault.restMs / 10);
    await kill();
    await paused;
    await watch.untilState('paused');
  } else await pauseByApi(workspace, key);
  const { rows, rowsTotal, lockKey, state } = await watch.look();
  const isHit = rows < (rowsTotal ?? 0);
  if (state !== 'paused') return isHit ? rows : undefined;

  if (fault.kind === 'kill while paused') await kill();
  await sleep(fault.restMs);
  const after = await watch.look();
  if (after.rows !== rows) violations.push(`${after.rows - rows} rows were committed while paused`);
  const held = await heldInDatabase(db, lockKey);
  if (held.sessions + held.locks > 0)
    violations.push(`${held.sessions} sessions and ${held.locks} locks were held while paused`);
  await client.command('resume', key);
  if (fault.kind === 'resume + kill') await kill();
  return isHit ? rows : undefined;
}
