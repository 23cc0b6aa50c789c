/**
 * `npm test`: lint and format, types, and the tests; arguments go to vitest (`npm test -- test/csv`). The last line on
 * stdout is "N passed, N failed"; a failed lint or type check, or a test file that cannot be loaded, counts as one.
 * Exit status 1 if anything failed or nothing was tested.
 */
import { spawn } from 'node:child_process';
import { parseCLI, startVitest, type Vitest } from 'vitest/node';
import { inProject } from './paths.js';

const checking = Promise.all([
  check('lint', 'node_modules/@biomejs/biome/bin/biome', 'check', '.'),
  check('types', 'node_modules/typescript/bin/tsc', '--noEmit'),
]);
const tests = await runTests(process.argv.slice(2));
const checks = await checking;
const failed = tests.failed + checks.filter((passed) => !passed).length;
process.stdout.write(`${tests.passed} passed, ${failed} failed\n`, () => process.exit(failed || !tests.passed ? 1 : 0));

// Resolves to whether it passed; says nothing about a check that did.
function check(name: string, script: string, ...args: string[]): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [inProject(script), ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    const output: Buffer[] = [];
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => output.push(chunk));
    child.once('error', reject);
    child.once('close', (code) => {
      if (code !== 0) process.stdout.write(`${Buffer.concat(output)}\n${name}: failed\n\n`);
      resolve(code === 0);
    });
  });
}

async function runTests(args: string[]): Promise<Count> {
  const { filter, options } = parseCLI(['vitest', 'run', ...args]);
  const vitest = await startVitest('test', filter, { ...options, watch: false });
  const count = countTests(vitest);
  // Stops the servers of the run, so that their messages appear before the last line.
  await vitest.close();
  return count;
}

interface Count {
  passed: number;
  failed: number;
}

function countTests(vitest: Vitest): Count {
  const count = { passed: 0, failed: vitest.state.getUnhandledErrors().length };
  for (const module of vitest.state.getTestModules()) {
    const states = [...module.children.allTests()].map((test) => test.result().state);
    const failed = states.filter((state) => state === 'failed').length;
    count.passed += states.filter((state) => state === 'passed').length;
    // A file or a hook that fails has no failed test of its own.
    count.failed += failed || (module.state() === 'failed' ? 1 : 0);
  }
  return count;
}
