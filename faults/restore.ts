import { cp, rm } from 'node:fs/promises';
import path from 'node:path';
import { ageFiles } from './files.js';
import { beginLoad, type Fixture, newKey, untilMoving, watch, workflowId } from './fixture.js';
import { type Finding, judge, judgeAll } from './oracle.js';
import { type Scenario, Violations } from './scenario.js';

/** F20: PostgreSQL goes back to an earlier day while Temporal does not. */
export const restoredDatabase: Scenario = {
  fault: 'F20',
  place: 'PostgreSQL restored from an earlier copy',
  how: 'its files are copied while a task is paused, another task starts, then the copy is restored: the second task is unknown there, and its name is used again',
  run: restoreDatabase,
};

async function restoreDatabase(fixture: Fixture): Promise<Finding> {
  const { harness } = fixture;
  const violations = new Violations();
  const folder = path.join(harness.folder, 'postgres');
  const copy = path.join(harness.folder, 'copy');
  const paused = await beginLoad(fixture, 3);
  await untilMoving(fixture, paused);
  await harness.client.command('pause', paused);
  await watch(fixture, paused).untilState('paused');
  await harness.kill(harness.postgres, 'SIGINT');
  await cp(folder, copy, { recursive: true, preserveTimestamps: true });
  await harness.startPostgres();
  const unknown = newKey();
  await harness.until(() =>
    harness.client.upload(unknown, fixture.small.file, { max_bytes_per_second: fixture.small.bytes }).then(
      () => true,
      () => false,
    ),
  );
  await untilMoving(fixture, unknown);
  await harness.kill(harness.postgres, 'SIGINT');
  await rm(folder, { recursive: true });
  await cp(copy, folder, { recursive: true, preserveTimestamps: true });
  await rm(copy, { recursive: true });
  await harness.startPostgres();
  await harness.until(async () => {
    const { status } = await harness.temporal.workflow.getHandle(workflowId(unknown)).describe();
    return status.name !== 'RUNNING';
  }, 60_000);
  // The name is free here, and what Temporal knows of its first owner is not in the way.
  await harness.until(() =>
    harness.client.upload(unknown, fixture.small.file).then(
      () => true,
      () => false,
    ),
  );
  violations.add((await judge(fixture, unknown, ['completed'])).violations);
  await harness.client.command('resume', paused);
  violations.add((await judgeAll(fixture, [paused], ['completed'])).violations);
  await ageFiles(fixture);
  await harness.kill(harness.api);
  await harness.startApi();
  return { violations: violations.found };
}

/** F10: the clocks of the service jump; those of PostgreSQL and Temporal do not. */
export const clockJumps: Scenario = {
  fault: 'F10',
  place: 'clock of API and worker an hour ahead, an hour behind, a day ahead',
  how: 'API and worker run with a Date that is off; a task is paused, resumed and completed under each',
  run: jumpClocks,
};

const HOURS = [1, -1, 24];

async function jumpClocks(fixture: Fixture): Promise<Finding> {
  const { harness } = fixture;
  const violations = new Violations();
  for (const hours of HOURS) {
    const flags = ['--import', shiftedDate(hours * 3_600_000)];
    await Promise.all([harness.kill(harness.api), harness.killWorkers()]);
    await harness.startApi({}, { flags });
    await harness.startWorker({}, { flags });
    const key = await beginLoad(fixture, 2);
    await untilMoving(fixture, key);
    const running = await harness.client.progress(key);
    await harness.client.command('pause', key);
    await watch(fixture, key).untilState('paused');
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const paused = await harness.client.progress(key);
    for (const seconds of [running.active_seconds, paused.active_seconds]) {
      violations.expect(seconds >= 0 && seconds < 60, `${hours} h: active for ${seconds} s`);
    }
    violations.expect(
      paused.paused_seconds >= 0.9 && paused.paused_seconds < 60,
      `${hours} h: paused for ${paused.paused_seconds} s`,
    );
    await harness.client.command('resume', key);
    violations.add((await judge(fixture, key, ['completed'])).violations);
  }
  await harness.kill(harness.api);
  await harness.startApi();
  return { violations: violations.found };
}

/** A module for `node --import` that sets Date off; timers go by the monotonic clock and stay. */
function shiftedDate(milliseconds: number): string {
  const code = `const now = Date.now; const Real = Date;
    globalThis.Date = class extends Real { constructor(...args) { args.length ? super(...args) : super(now() + ${milliseconds}); } };
    globalThis.Date.now = () => now() + ${milliseconds};`;
  return `data:text/javascript,${encodeURIComponent(code)}`;
}
