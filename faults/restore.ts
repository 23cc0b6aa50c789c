import { cp, rm } from 'node:fs/promises';
import path from 'node:path';
import { ageFiles } from './files.js';
import { beginLoad, type Lab, newKey, untilMoving, watch, workflowId } from './lab.js';
import { type Finding, judge, judgeAll } from './oracle.js';
import { type Scenario, Violations } from './scenario.js';

/** F20: PostgreSQL goes back to an earlier day while Temporal does not. */
export const restoredDatabase: Scenario = {
  fault: 'F20',
  place: 'PostgreSQL restored from an earlier copy',
  how: 'its files are copied while a task is paused, another task starts, then the copy is restored: the second task is unknown there, and its name is used again',
  run: restoreDatabase,
};

async function restoreDatabase(lab: Lab): Promise<Finding> {
  const { rig } = lab;
  const violations = new Violations();
  const folder = path.join(rig.folder, 'postgres');
  const copy = path.join(rig.folder, 'copy');
  const paused = await beginLoad(lab, 3);
  await untilMoving(lab, paused);
  await rig.client.command('pause', paused);
  await watch(lab, paused).untilState('paused');
  await rig.kill(rig.postgres, 'SIGINT');
  await cp(folder, copy, { recursive: true, preserveTimestamps: true });
  await rig.startPostgres();
  const unknown = newKey();
  await rig.until(() =>
    rig.client.upload(unknown, lab.small.file, { max_bytes_per_second: lab.small.bytes }).then(
      () => true,
      () => false,
    ),
  );
  await untilMoving(lab, unknown);
  await rig.kill(rig.postgres, 'SIGINT');
  await rm(folder, { recursive: true });
  await cp(copy, folder, { recursive: true, preserveTimestamps: true });
  await rm(copy, { recursive: true });
  await rig.startPostgres();
  await rig.until(async () => {
    const { status } = await rig.temporal.workflow.getHandle(workflowId(unknown)).describe();
    return status.name !== 'RUNNING';
  }, 60_000);
  // The name is free here, and what Temporal knows of its first owner is not in the way.
  await rig.until(() =>
    rig.client.upload(unknown, lab.small.file).then(
      () => true,
      () => false,
    ),
  );
  violations.add((await judge(lab, unknown, ['completed'])).violations);
  await rig.client.command('resume', paused);
  violations.add((await judgeAll(lab, [paused], ['completed'])).violations);
  await ageFiles(lab);
  await rig.kill(rig.api);
  await rig.startApi();
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

async function jumpClocks(lab: Lab): Promise<Finding> {
  const { rig } = lab;
  const violations = new Violations();
  for (const hours of HOURS) {
    const flags = ['--import', shiftedDate(hours * 3_600_000)];
    await Promise.all([rig.kill(rig.api), rig.killWorkers()]);
    await rig.startApi({}, { flags });
    await rig.startWorker({}, { flags });
    const key = await beginLoad(lab, 2);
    await untilMoving(lab, key);
    const running = await rig.client.progress(key);
    await rig.client.command('pause', key);
    await watch(lab, key).untilState('paused');
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const paused = await rig.client.progress(key);
    for (const seconds of [running.active_seconds, paused.active_seconds]) {
      violations.expect(seconds >= 0 && seconds < 60, `${hours} h: active for ${seconds} s`);
    }
    violations.expect(
      paused.paused_seconds >= 0.9 && paused.paused_seconds < 60,
      `${hours} h: paused for ${paused.paused_seconds} s`,
    );
    await rig.client.command('resume', key);
    violations.add((await judge(lab, key, ['completed'])).violations);
  }
  await rig.kill(rig.api);
  await rig.startApi();
  return { violations: violations.found };
}

/** A module for `node --import` that sets Date off; timers go by the monotonic clock and stay. */
function shiftedDate(milliseconds: number): string {
  const code = `const now = Date.now; const Real = Date;
    globalThis.Date = class extends Real { constructor(...args) { args.length ? super(...args) : super(now() + ${milliseconds}); } };
    globalThis.Date.now = () => now() + ${milliseconds};`;
  return `data:text/javascript,${encodeURIComponent(code)}`;
}
