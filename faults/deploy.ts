import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { bundleWorkflowCode } from '@temporalio/worker';
import { inProject } from '../launcher/paths.js';
import { beginLoad, type Fixture, untilMoving, watch } from './fixture.js';
import { type Finding, judgeAll } from './oracle.js';
import { type Scenario, secondsSince, Violations } from './scenario.js';

/** F11: the workflow code is changed between pause and resume. */
export const deploys: Scenario = {
  fault: 'F11',
  place: 'workflow code changed and changed back while tasks are paused',
  how: 'a second build, whose workflows have one more step under `patched`, finishes a task that the first one paused; back on the first build the reconciler restarts the task of the second one, whose history does not fit',
  run: deploy,
};

/** From the resume on the way back to the end of the task, in seconds. */
const LONGEST_RECOVERY = 90;

/** The line of the workflow that the second build puts a step in front of. */
const BEFORE = "const settled = await runShort('settle', 'What is next?', ref);";
const STEP = "if (patched('one-more-step')) await sleep(1);";

async function deploy(fixture: Fixture): Promise<Finding> {
  const { harness } = fixture;
  const violations = new Violations();
  let recovery: number | undefined;
  const second = await secondBuild();
  try {
    const old = await beginPaused(fixture);
    await harness.killWorkers();
    await harness.startWorker({}, { dist: second });
    const young = await beginPaused(fixture);
    await harness.client.command('resume', old);
    violations.add((await judgeAll(fixture, [old], ['completed'])).violations);
    await harness.killWorkers();
    await harness.startWorker();
    // The way back: the first build cannot replay what the second one has started. The reconciler sees that it is stuck
    // and restarts the workflow, which continues from the checkpoint.
    await harness.client.command('resume', young);
    const began = performance.now();
    await harness.until(() => harness.log.some((line) => line.includes('TMPRL1100')));
    violations.add((await judgeAll(fixture, [young], ['completed'])).violations);
    recovery = secondsSince(began);
    violations.expect(recovery <= LONGEST_RECOVERY, `continued only after ${recovery.toFixed(0)} s`);
  } finally {
    await harness.killWorkers();
    await rm(path.dirname(second), { recursive: true, force: true });
  }
  return { violations: violations.found, recovery, note: 'on the way back, to the end' };
}

async function beginPaused(fixture: Fixture) {
  const key = await beginLoad(fixture, 3);
  await untilMoving(fixture, key);
  await fixture.harness.client.command('pause', key);
  await watch(fixture, key).untilState('paused');
  return key;
}

/** A copy of the build with one more step in its workflows; below the project, so that it finds its packages. */
async function secondBuild(): Promise<string> {
  const folder = await mkdtemp(inProject('.cache', 'second-build-'));
  const dist = path.join(folder, 'dist');
  await cp(inProject('dist'), dist, { recursive: true });
  await cp(inProject('migrations'), path.join(folder, 'migrations'), { recursive: true });
  const file = path.join(dist, 'src', 'workflows', 'controllable.js');
  const code = await readFile(file, 'utf8');
  if (!code.includes(BEFORE)) throw new Error('the workflow has no such line any more: a void round');
  const changed = code
    .replace(BEFORE, `${STEP}\n            ${BEFORE}`)
    .replace(/workflowInfo,? \} from '@temporalio\/workflow';/, "workflowInfo, patched } from '@temporalio/workflow';");
  if (!changed.includes('workflowInfo, patched }'))
    throw new Error('the imports of the workflow are others: a void round');
  await writeFile(file, changed);
  const workflowsPath = path.join(dist, 'src', 'workflows', 'index.js');
  const payloadConverterPath = path.join(path.dirname(workflowsPath), 'payload-converter.cjs');
  const { code: bundle } = await bundleWorkflowCode({ workflowsPath, payloadConverterPath, logger: silent });
  await writeFile(path.join(dist, 'workflow-bundle.js'), bundle);
  return dist;
}

const nothing = () => {};
const silent = { log: nothing, trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing };
