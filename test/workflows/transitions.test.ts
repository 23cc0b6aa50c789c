import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { type Action, TRANSITIONS } from '../../src/contract/states.js';
import { type FakeRun, FakeService, until, useFakeService } from './fake-service.js';
import type { FakeTask, Work } from './fake-task.js';

const service = useFakeService();

/** Every arrow that a workflow of this file has led its task along. */
const taken = new Set<string>();
const runs: FakeRun[] = [];

async function start(...args: Parameters<typeof service.run>): Promise<FakeRun> {
  const run = await service.run(...args);
  runs.push(run);
  return run;
}

/** A workflow that was sent signals before a worker was there. */
async function startLate(...signals: Action[]): Promise<FakeRun> {
  const late = new FakeService();
  await late.connect();
  onTestFinished(() => late.stop());
  const run = await late.run('upload');
  runs.push(run);
  for (const action of signals) await run.signal(action);
  await late.work();
  return run;
}

/** A workflow whose step has started and waits. */
async function working(step: Work, stubborn = false): Promise<FakeRun> {
  const run = await start('upload', (task) => task.hold(step, { stubborn }));
  await until(() => run.task.began(step));
  return run;
}

async function paused(): Promise<FakeRun> {
  const run = await working('loadPart');
  await run.signal('pause');
  await until(() => run.task.state === 'paused');
  run.task.release();
  return run;
}

/** A workflow whose first rollback has failed, after a command or a fault. */
async function stuck(prepare: (task: FakeTask) => void = () => {}): Promise<FakeRun> {
  const run = await start('upload', (task) => {
    task.hold('loadPart');
    task.failRollback(1);
    prepare(task);
  });
  return run;
}

afterEach(() => {
  for (const { task } of runs.splice(0)) {
    expect(task.wrongs).toEqual([]);
    for (const arrow of task.arrows) taken.add(arrow);
  }
});

describe('a workflow leads its task', () => {
  it.each(['upload', 'download'] as const)('from queued to completed, and tidies: %s', async (kind) => {
    const { task, ended } = await start(kind);
    expect(await ended()).toBe('COMPLETED');
    expect(task.arrows).toEqual(['queued started running', 'running completed completed']);
    expect(task.calls.at(-1)).toBe('tidy');
  });

  it('through a pause and a resume, without doing anything in between', async () => {
    const { task, signal, ended } = await paused();
    const calls = task.calls.length;
    await signal('resume');
    expect(await ended()).toBe('COMPLETED');
    expect(task.calls.slice(calls, calls + 2)).toEqual(['applyCommands', 'settle']);
    expect(task.commands).toEqual(['pause', 'resume']);
  });

  it('on from paused before it has worked', async () => {
    const { task, signal, ended } = await startLate('pause');
    await until(() => task.state === 'paused');
    expect(task.arrows[0]).toBe('queued pause_requested pausing');
    expect(task.calls).toEqual(['applyCommands', 'settle']);
    await signal('resume');
    expect(await ended()).toBe('COMPLETED');
  });

  it('by the last of the signals that came before it ran, under any of their names', async () => {
    const { task, signal, ended } = await startLate('resume', 'pause');
    await until(() => task.state === 'paused');
    expect(task.commands).toEqual(['resume', 'pause']);
    await signal('resume');
    expect(await ended()).toBe('COMPLETED');
  });

  it('to terminated before it has worked', async () => {
    const { task, ended } = await startLate('terminate');
    expect(await ended()).toBe('CANCELLED');
    expect(task.arrows).toEqual(['queued terminate_requested terminating', 'terminating rolled_back terminated']);
  });

  it('on, when the resume comes while the writers still stop, without ever being paused', async () => {
    const { task, signal, ended } = await working('loadPart', true);
    await signal('pause');
    await until(() => task.state === 'pausing');
    await signal('resume');
    await until(() => task.state === 'running');
    task.release();
    expect(await ended()).toBe('COMPLETED');
    expect(task.arrows).not.toContain('pausing paused paused');
  });

  it('to terminated out of running, and raises the fence before its steps have ended', async () => {
    const { task, signal, ended } = await working('loadPart', true);
    await signal('terminate', { reason: 'by hand' });
    await until(() => task.state === 'terminating');
    expect(task.began('rollback')).toBe(false);
    task.release();
    expect(await ended()).toBe('CANCELLED');
    expect(task.state).toBe('terminated');
  });

  it('to terminated out of pausing', async () => {
    const { task, signal, ended } = await working('loadPart', true);
    await signal('pause');
    await until(() => task.state === 'pausing');
    await signal('terminate');
    await until(() => task.state === 'terminating');
    task.release();
    expect(await ended()).toBe('CANCELLED');
  });

  it('to terminated out of paused', async () => {
    const { signal, ended } = await paused();
    await signal('terminate');
    expect(await ended()).toBe('CANCELLED');
  });

  it('to terminated on a native cancel, which the rollback outlives', async () => {
    const { task, handle, ended } = await working('publish');
    task.hold('rollback');
    await handle.cancel();
    await until(() => task.began('rollback'));
    task.release();
    expect(await ended()).toBe('CANCELLED');
    expect(task.commands).toEqual(['cancel']);
    expect(task.began('requestCancel')).toBe(false);
  });

  it('to failed after a fault that no retry can fix', async () => {
    const { task, ended } = await start('upload', (task) => task.fault('beginUpload', 'unreadable'));
    expect(await ended()).toBe('FAILED');
    expect(task.arrows.slice(1)).toEqual(['running faulted terminating', 'terminating rolled_back failed']);
  });

  it('to paused at a fault that its user can fix, and on with a resume', async () => {
    const { task, signal, ended } = await start('upload', (task) => task.fault('loadPart', 'reject_limit'));
    await until(() => task.state === 'paused');
    expect(task.arrows.slice(1)).toEqual(['running suspended pausing', 'pausing paused paused']);
    await signal('resume', { max_rejects: 5 });
    expect(await ended()).toBe('COMPLETED');
  });

  it('to rollback_failed, and retries at once after another terminate', async () => {
    const { task, signal, ended } = await stuck();
    await until(() => task.began('loadPart'));
    await signal('terminate');
    await until(() => task.state === 'rollback_failed');
    await signal('terminate');
    expect(await ended()).toBe('CANCELLED');
    expect(task.arrows).toContain('rollback_failed terminate_requested terminating');
  });

  it('out of rollback_failed to terminated at its next try', async () => {
    const { task, signal, ended } = await stuck();
    await until(() => task.began('loadPart'));
    await signal('terminate');
    await until(() => task.state === 'rollback_failed');
    // Not legal here, and yet a reason to look.
    await signal('pause');
    expect(await ended()).toBe('CANCELLED');
    expect(task.arrows).toContain('rollback_failed rolled_back terminated');
  });

  it('out of rollback_failed to failed, as its fault had decided', async () => {
    const { task, signal, ended } = await stuck((task) => task.fault('beginUpload', 'unreadable'));
    await until(() => task.state === 'rollback_failed');
    await signal('pause');
    expect(await ended()).toBe('FAILED');
    expect(task.arrows).toContain('rollback_failed rolled_back failed');
  });

  it('as the API has changed it already, without changing it again', async () => {
    const { task, api, ended } = await working('loadPart');
    await api('pause');
    await until(() => task.state === 'paused');
    await api('resume');
    task.release();
    expect(await ended()).toBe('COMPLETED');
    expect(task.began('applyCommands')).toBe(false);
  });
});

describe('a workflow leads a task of one part', () => {
  const small = (task: FakeTask) => {
    task.parts = 1;
  };

  it.each([
    ['upload', 'beginUpload'],
    ['download', 'beginDownload'],
  ] as const)('to its end in one activity and a short history: %s', async (kind, step) => {
    const { task, handle, ended } = await start(kind, small);
    expect(await ended()).toBe('COMPLETED');
    expect(await handle.result()).toEqual({ state: 'completed', rows: { loaded: 1, rejected: 0 } });
    expect(task.calls).toEqual(['settle', step]);
    const { events } = await handle.fetchHistory();
    expect(events!.length).toBeLessThanOrEqual(16);
  });

  it('through a pause in the midst of its activity', async () => {
    const { task, signal, ended } = await start('upload', (task) => {
      small(task);
      task.hold('beginUpload');
    });
    await until(() => task.began('beginUpload'));
    await signal('pause');
    await until(() => task.state === 'paused');
    task.release();
    await signal('resume');
    expect(await ended()).toBe('COMPLETED');
  });

  it('to completed, and tidies, when its activity was done but its answer was lost', async () => {
    const { task, ended } = await start('upload', (task) => {
      small(task);
      task.loseAnswer('beginUpload');
    });
    expect(await ended()).toBe('COMPLETED');
    expect(task.calls).toEqual(['settle', 'beginUpload', 'beginUpload', 'settle', 'tidy']);
  });
});

describe('a control step that does not succeed soon', () => {
  it('is tried again by the server, and a signal is heard meanwhile', async () => {
    const { task, signal, ended } = await start('upload', (task) => task.failControl('settle', 4));
    await until(() => task.calls.length >= 4);
    await signal('pause');
    await until(() => task.state === 'paused');
    await signal('resume');
    expect(await ended()).toBe('COMPLETED');
    expect(task.calls.filter((call) => call === 'settle').length).toBeGreaterThan(4);
  });
});

describe('the table of transitions', () => {
  it('has no arrow that a workflow above was not led along', () => {
    const all = TRANSITIONS.flatMap(({ verb, from, to }) => from.map((state) => `${state} ${verb} ${to}`));
    expect([...taken].sort()).toEqual([...new Set(all)].sort());
  });
});
