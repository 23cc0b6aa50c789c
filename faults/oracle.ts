import { setTimeout as sleep } from 'node:timers/promises';
import type { TaskKey } from '../src/client/client.js';
import { STATE_ATTRIBUTE } from '../src/contract/search-attributes.js';
import { isFinal, type State } from '../src/contract/states.js';
import type { Task } from '../src/contract/task.js';
import { awaitNoLeftovers } from '../testkit/leftovers.js';
import { balances } from '../testkit/oracle.js';
import { compareRows } from '../testkit/rows.js';
import { type Fixture, type Input, patiently, rowOf, sha256Of, workflowId } from './fixture.js';

/** The outcome of a round: its violations, one line each, and its cost. */
export interface Finding {
  violations: string[];
  /** Seconds from the fault until the task had come further. */
  recovery?: number;
  /** Rows that were inserted and rolled back, or inserted again. */
  redone?: number;
  /** For people: what happened. */
  note?: string;
  /** Not tried, and why. */
  skipped?: string;
}

export interface Verdict {
  violations: string[];
  state: State;
  redone: number;
}

/** How long a task may take to its end, with a heartbeat timeout or two in between. */
const TIMEOUT_MS = 120_000;
/** For the end of a task; forty are judged at once. */
const LOOK_EVERY_MS = 100;

/**
 * Waits for a task's end and checks it. API, task row and workflow agree on one of the expected states. A completed
 * task has each row exactly once, as its receipt says; any other task has left nothing. Drops the table.
 */
export async function judge(
  fixture: Fixture,
  key: TaskKey,
  expected: State[],
  input: Input = fixture.small,
  timeoutMs = TIMEOUT_MS,
): Promise<Verdict> {
  await untilFinal(fixture, key, timeoutMs);
  const workflow = await untilWorkflowClosed(fixture, key);
  const task = await patiently(() => fixture.harness.client.progress(key));
  const row = await rowOf(fixture, key);
  const violations: string[] = [];
  if (!expected.includes(task.state)) violations.push(`is ${task.state} (${task.error?.code ?? 'no error'})`);
  if (row.state !== task.state || !agrees(workflow, task.state))
    violations.push(
      `the API says ${task.state}, the row ${row.state}, Temporal ${workflow.status} and LongTaskState ${workflow.shown}`,
    );
  let redone = 0;
  if (task.state === 'completed' && key.kind === 'upload') {
    if (!balances(task, input)) violations.push(`the receipt does not balance: ${JSON.stringify(task.receipt)}`);
    violations.push(...(await compareRows(fixture.harness.db, task.table as string, input.reference)));
    redone = await redoneRows(fixture, task);
  } else if (task.state === 'completed') {
    const sha256 = await sha256Of(await fixture.harness.client.result(key));
    if (sha256 !== fixture.exportSha256)
      violations.push('the exported file differs from that of an undisturbed export');
  } else violations.push(...(await traces(fixture, key)));
  violations.push(...(await eventViolations(fixture, key)));
  // Last, so that an interrupted check can be repeated.
  if (task.state === 'completed' && key.kind === 'upload')
    await patiently(() => fixture.harness.db.query(`DROP TABLE IF EXISTS ${task.table}`));
  return { violations: violations.map((what) => `${key.task_name} ${what}`), state: task.state, redone };
}

async function untilFinal(fixture: Fixture, key: TaskKey, timeoutMs: number): Promise<void> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const row = await rowOf(fixture, key).catch(() => undefined);
    if (row && isFinal(row.state)) return;
    if (performance.now() > end)
      throw new Error(`${key.task_name} is ${row?.state} ${row?.phase} after ${timeoutMs / 1000} s`);
    await sleep(LOOK_EVERY_MS);
  }
}

/** How the newest run of a task's workflow ended, and the state that it shows of the task. */
interface ClosedWorkflow {
  status: string;
  shown?: string;
}

/**
 * Polls the workflow instead of waiting for its result: the server may be restarted meanwhile, and a new run may follow
 * the one that ended.
 */
async function untilWorkflowClosed(fixture: Fixture, key: TaskKey): Promise<ClosedWorkflow> {
  for (const end = performance.now() + TIMEOUT_MS; performance.now() < end; await sleep(LOOK_EVERY_MS)) {
    const handle = fixture.harness.temporal.workflow.getHandle(workflowId(key));
    const workflow = await handle.describe().then(
      ({ status, typedSearchAttributes }) => ({
        status: status.name,
        shown: typedSearchAttributes.get(STATE_ATTRIBUTE),
      }),
      () => ({ status: 'not to be had' }),
    );
    // The reconciler follows up a native end.
    if (!['RUNNING', 'not to be had', 'TERMINATED'].includes(workflow.status)) return workflow;
    const row = workflow.status === 'TERMINATED' && (await rowOf(fixture, key).catch(() => undefined));
    if (row && isFinal(row.state)) return workflow;
  }
  return { status: 'RUNNING' };
}

const ENDINGS: Partial<Record<State, string>> = { completed: 'COMPLETED', failed: 'FAILED', terminated: 'CANCELLED' };

/** A workflow that was terminated natively could not show the end of its task. */
function agrees({ status, shown }: ClosedWorkflow, state: State): boolean {
  return status === 'TERMINATED' || (status === ENDINGS[state] && shown === state);
}

/** PostgreSQL counts inserted rows of aborted transactions too, a little later. */
async function redoneRows(fixture: Fixture, task: Task): Promise<number> {
  await sleep(20);
  const { rows } = await fixture.harness.db.query(
    'SELECT n_tup_ins::float8 AS inserted FROM pg_stat_all_tables WHERE relid = $1::regclass',
    [task.table],
  );
  return Math.max(0, (rows[0]?.inserted ?? 0) - (task.receipt?.rows_loaded ?? 0));
}

async function traces(fixture: Fixture, key: TaskKey): Promise<string[]> {
  const row = await rowOf(fixture, key);
  const { rows } = await fixture.harness.db.query(
    `SELECT 'left its table' AS what FROM pg_tables WHERE schemaname = 'public' AND tablename = $1 AND $2
     UNION ALL SELECT 'left parts' FROM long_task.parts WHERE task_id = $3
     UNION ALL SELECT 'left rejects' FROM long_task.rejects WHERE task_id = $3`,
    [key.task_name, key.kind === 'upload', row.id],
  );
  return rows.map(({ what }) => what);
}

/** A final state never changes again, and each change begins where the last one ended. */
async function eventViolations(fixture: Fixture, key: TaskKey): Promise<string[]> {
  const { rows } = await fixture.harness.db.query(
    `SELECT e.from_state, e.to_state FROM long_task.task_events e JOIN long_task.tasks t ON t.id = e.task_id
      WHERE t.workflow_id = $1 ORDER BY e.id`,
    [workflowId(key)],
  );
  return rows.flatMap(({ from_state, to_state }, i) => {
    const before = rows[i - 1]?.to_state;
    return before && (isFinal(before) || before !== from_state) ? [`went ${before} → ${from_state} → ${to_state}`] : [];
  });
}

/** Lists the leftovers of tasks that have ended, after a moment. */
export async function leftovers({ harness }: Fixture, milliseconds?: number): Promise<string[]> {
  const left = await awaitNoLeftovers(harness.db, harness.filesDir, milliseconds);
  return left.map((what) => `leftover: ${what}`);
}

/** Judges several tasks at once. */
export async function judgeAll(fixture: Fixture, keys: TaskKey[], expected: State[], input?: Input): Promise<Verdict> {
  const all = await Promise.all(keys.map((key) => judge(fixture, key, expected, input)));
  return {
    violations: all.flatMap(({ violations }) => violations),
    state: all[0]!.state,
    redone: all.reduce((sum, { redone }) => sum + redone, 0),
  };
}
