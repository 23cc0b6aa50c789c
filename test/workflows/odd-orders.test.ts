import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ACTIONS, isFinal } from '../../src/contract/states.js';
import { type FakeRun, until, useFakeService } from './fake-service.js';

const service = useFakeService();

const RUNS = 40;
/** Set `SEED` to run the orders of an earlier run again. */
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

type Move = { act: 'signal' | 'api' | 'cancel' | 'wait' | 'release' | 'fault' | 'stuck'; of: number };

const move: fc.Arbitrary<Move> = fc.record({
  act: fc.oneof(
    { weight: 5, arbitrary: fc.constant('signal' as const) },
    { weight: 3, arbitrary: fc.constant('api' as const) },
    { weight: 3, arbitrary: fc.constant('wait' as const) },
    { weight: 2, arbitrary: fc.constantFrom('release' as const, 'fault' as const, 'stuck' as const) },
    { weight: 1, arbitrary: fc.constant('cancel' as const) },
  ),
  of: fc.nat(11),
});

const STEPS = ['beginUpload', 'loadPart', 'publish'] as const;

async function make(run: FakeRun, { act, of }: Move, sent: string[]): Promise<void> {
  const { task, handle } = run;
  // Resumes and pauses more often than terminates, so that a workflow lives on for a while.
  const action = of === 11 ? 'terminate' : ACTIONS[of % 2]!;
  if (act === 'wait') await sleep(of * 10);
  if (act === 'release') task.release(STEPS[of % 3]);
  if (act === 'fault') task.fault(STEPS[of % 3]!, of % 4 === 0 ? 'unreadable' : 'reject_limit');
  if (act === 'stuck') task.failRollback(1);
  // One that has ended takes none.
  if (act === 'signal') await run.signal(action).then(() => sent.push(action), ignoreEnded);
  if (act === 'api') await run.api(action).catch(ignoreEnded);
  if (act === 'cancel') await handle.cancel().then(() => {}, ignoreEnded);
}

function ignoreEnded(error: Error): void {
  if (error.name !== 'WorkflowNotFoundError') throw error;
}

/** Lets a workflow that nothing holds any more come to its end. */
async function toItsEnd(run: FakeRun, sent: string[]): Promise<string> {
  let isOver = false;
  const end = run.ended().finally(() => {
    isOver = true;
  });
  while (!isOver) {
    run.task.release();
    const needed = ({ paused: 'resume', rollback_failed: 'terminate' } as const)[run.task.state as 'paused'];
    if (needed) await run.signal(needed).then(() => sent.push(needed), ignoreEnded);
    await Promise.race([end, sleep(100)]);
  }
  return end;
}

const ENDS = { completed: 'COMPLETED', failed: 'FAILED', terminated: 'CANCELLED' } as Record<string, string>;

it(`stays in step with its task under any order of events (SEED=${seed})`, { timeout: 240_000 }, async () => {
  process.stderr.write(`odd orders: SEED=${seed}\n`);
  const property = fc.asyncProperty(fc.array(move, { maxLength: 12 }), async (moves) => {
    const run = await service.run('upload', (task) => {
      task.parts = 1 + (moves.length % 3);
      for (const step of STEPS) task.hold(step, { stubborn: moves.length % 2 === 0 });
    });
    const sent: string[] = [];
    for (const one of moves) await make(run, one, sent);
    const { task } = run;
    await until(() => task.calls.length > 0);
    const status = await toItsEnd(run, sent);
    expect(task.wrongs).toEqual([]);
    expect(isFinal(task.state)).toBe(true);
    expect(status).toBe(ENDS[task.state]);
    // In their order, each once. What came when all was over is not applied any more.
    const signals = task.commands.filter((command) => command !== 'cancel');
    expect(signals).toEqual(sent.slice(0, signals.length));
    expect(task.commands.length - signals.length).toBeLessThanOrEqual(1);
    const tidied = task.calls.filter((call) => call === 'tidy').length;
    expect(tidied).toBeLessThanOrEqual(task.state === 'completed' ? 1 : 0);
  });
  await fc.assert(property, { numRuns: RUNS, seed, endOnFailure: true });
});
