import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError } from '../src/client/api-error.js';
import type { TaskKey } from '../src/client/client.js';
import type { Action, Verb } from '../src/contract/states.js';
import { beginLoad, type Fixture, rowOf, watch, workflowId } from './fixture.js';
import { type Finding, judge } from './oracle.js';
import { type Scenario, secondsSince, Violations } from './scenario.js';

const CLIENTS = 50;
/** The number of commands of either kind; each client sends its share one after the other. */
const SHORT = 100;
const FULL = 1_000;
const MAX_EVENTS = 10_000;
const LONGEST_TERMINATE = 2;
/** The time limit for all commands to be applied. */
const CALM_MS = 120_000;

export const storm: Scenario = {
  fault: 'F8',
  place: 'signal storm, then terminate',
  how: `1,000 pauses and 1,000 resumes (short: 100 and 100) in a random order from ${CLIENTS} clients, four of five by the API and one by signal; then terminate`,
  run: stormAndTerminate,
};

async function stormAndTerminate(fixture: Fixture): Promise<Finding> {
  const { harness } = fixture;
  const violations = new Violations();
  const key = await beginLoad(fixture, 300, fixture.large);
  await watch(fixture, key).until((snapshot) => snapshot.rows > 0, 'loading');
  const commands = shuffled(fixture, fixture.isShort ? SHORT : FULL);
  const began = performance.now();
  const supervision = new AbortController();
  const supervised = superviseWorker(fixture, supervision.signal);
  let stormSeconds: number;
  let last: Verb;
  try {
    await Promise.all(Array.from({ length: CLIENTS }, (_, i) => sendInTurn(fixture, key, commands, i, violations)));
    stormSeconds = secondsSince(began);
    last = await untilCalm(fixture, key);
  } finally {
    supervision.abort();
  }
  const crashes = await supervised;
  const { state } = await watch(fixture, key).look();
  violations.expect(
    state === (last === 'pause_requested' ? 'paused' : 'running'),
    `the last command was ${last}, the task is ${state}`,
  );
  const terminated = performance.now();
  await harness.client.command('terminate', key);
  await watch(fixture, key).untilState('terminated');
  const recovery = secondsSince(terminated);
  violations.expect(recovery <= LONGEST_TERMINATE, `terminated after ${recovery.toFixed(1)} s`);
  violations.add((await judge(fixture, key, ['terminated'], fixture.large)).violations);
  const { historyLength } = await harness.temporal.workflow.getHandle(workflowId(key)).describe();
  violations.expect(historyLength < MAX_EVENTS, `the history has ${historyLength} events`);
  const restarted = crashes > 0 ? `, the worker restarted ${crashes} times` : '';
  const note = `${commands.length} commands in ${stormSeconds.toFixed(1)} s${restarted}, ${historyLength} events in the last run; seconds to terminate`;
  return { violations: violations.found, recovery, note };
}

function shuffled({ random }: Fixture, each: number): Action[] {
  const commands = Array.from({ length: 2 * each }, (_, i): Action => (i % 2 === 0 ? 'pause' : 'resume'));
  for (let i = commands.length - 1; i > 0; i--) {
    const j = random() % (i + 1);
    [commands[i], commands[j]] = [commands[j]!, commands[i]!];
  }
  return commands;
}

async function sendInTurn(
  fixture: Fixture,
  key: TaskKey,
  commands: Action[],
  client: number,
  violations: Violations,
): Promise<void> {
  const handle = fixture.harness.temporal.workflow.getHandle(workflowId(key));
  for (let i = client; i < commands.length; i += CLIENTS) {
    const action = commands[i]!;
    if (client % 5 === 4) await handle.signal(action);
    else {
      await fixture.harness.client.command(action, key).catch((error: Error) => {
        violations.expect(false, `${action} was refused: ${error.message}`);
      });
    }
  }
}

/**
 * Starts the worker again where it ends, as a supervisor does: under such a load Node.js may abort the SDK's thread of
 * workflows with "async hook stack has become corrupted" (sdk-typescript issue 939). Resolves to how often it ended.
 */
async function superviseWorker({ harness }: Fixture, signal: AbortSignal): Promise<number> {
  let crashes = 0;
  for (; !signal.aborted; await sleep(100)) {
    if (harness.workers.length > 0) continue;
    crashes++;
    await harness.startWorker();
  }
  return crashes;
}

/**
 * Waits until nothing is on its way any more. Resolves to the command that was accepted last, as PostgreSQL ordered
 * them.
 */
async function untilCalm(fixture: Fixture, key: TaskKey): Promise<Verb> {
  const { harness } = fixture;
  const deadline = performance.now() + CALM_MS;
  for (let version = -1, calm = 0; calm < 10; await sleep(200)) {
    if (performance.now() > deadline) throw new Error(`commands are still on their way after ${CALM_MS / 1000} s`);
    const row = await rowOf(fixture, key);
    const pending = await harness.temporal.workflow
      .getHandle(workflowId(key))
      .query<{ pending_commands: number }>('progress')
      .catch(() => ({ pending_commands: 1 }));
    const isCalm = row.version === version && pending.pending_commands === 0 && row.state !== 'pausing';
    calm = isCalm ? calm + 1 : 0;
    version = row.version;
  }
  const { rows } = await harness.db.query(
    `SELECT action FROM long_task.task_events e JOIN long_task.tasks t ON t.id = e.task_id
      WHERE t.workflow_id = $1 AND channel <> 'service' ORDER BY e.id DESC LIMIT 1`,
    [workflowId(key)],
  );
  return rows[0].action;
}

const RACES = ['publish:before-commit', 'load:after-part', 'random moments'] as const;

/** F19: terminate against the last commit. */
export const races: Scenario[] = RACES.map((place) => ({
  fault: 'F19',
  place,
  how: 'terminate at a random moment about the last commit, held open by a failpoint where one is named; 20 tasks (short: 5)',
  run: (fixture) => race(fixture, place),
}));

async function race(fixture: Fixture, place: (typeof RACES)[number]): Promise<Finding> {
  const { harness } = fixture;
  const rounds = fixture.isShort ? 5 : 20;
  const isHeld = place !== 'random moments';
  await harness.killWorkers();
  const holds = Array.from({ length: rounds }, (_, i) => `${place}:${i + 1}:delay:250`);
  const worker = await harness.startWorker({ FAILPOINT: isHeld ? holds.join(',') : '' });
  const violations = new Violations();
  const ends = { completed: 0, terminated: 0 };
  for (let round = 0; round < rounds; round++) {
    const key = await beginLoad(fixture, 0.2);
    const hits = () =>
      harness.log.filter((line) => line.includes('"failpoint"') && line.includes(`"pid":${worker.pid}`)).length;
    if (isHeld) await harness.until(() => hits() > round);
    else await watch(fixture, key).until((snapshot) => snapshot.phase === 'loading', 'loading');
    await sleep(fixture.random() % (isHeld ? 350 : 500));
    const answer = await harness.client.command('terminate', key).catch((error: unknown) => error);
    const isTooLate = answer instanceof ApiError && answer.status === 409;
    if (answer instanceof Error && !isTooLate) violations.expect(false, `terminate failed: ${answer.message}`);
    const verdict = await judge(fixture, key, [isTooLate ? 'completed' : 'terminated']);
    violations.add(verdict.violations);
    ends[verdict.state as keyof typeof ends]++;
  }
  return { violations: violations.found, note: `${ends.completed} completed, ${ends.terminated} terminated` };
}
