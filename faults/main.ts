/**
 * `npm run faults [-- --only F2 --rounds N --lanes N --seed N --short --soak 60m --keep]`: kills, freezes, cuts off or
 * controls from outside each part of the service while rows move. An oracle then checks the outcome: each row once, no
 * leftovers, and the same state in every view. Prints the matrix and, without `--only`, writes it into
 * `docs/faults.md`. The seed, printed first, repeats the choices, though not the machine's own
 * timing. Exit status 1 on any violation.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { inProject } from '../launcher/paths.js';
import { randomNumbers } from '../testkit/sales-data.js';
import { closeOnInterrupt } from './fault-harness.js';
import { openFixture } from './fixture.js';
import { matrix, type Result, runMatrix } from './matrix.js';
import { resultMarkdown, resultTable } from './report.js';
import { soak } from './soak.js';

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    rounds: { type: 'string', default: '1' },
    lanes: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(1 + (Date.now() % 1_000_000)) },
    short: { type: 'boolean', default: false },
    soak: { type: 'string' },
    keep: { type: 'boolean', default: false },
  },
});
const began = performance.now();
const seed = Number(values.seed);
console.log(`seed ${seed} (--seed ${seed} repeats the choices)`);
process.exitCode = (await (values.soak ? runSoak(values.soak) : runFaults())) === 0 ? 0 : 1;

/** Resolves to the number of faults with a violation. */
async function runFaults(): Promise<number> {
  const wanted = values.only.split(',');
  const scenarios = matrix(values.short).filter(
    ({ fault, place }) =>
      !values.only ||
      wanted.some((only) => [fault, fault.replace(/[a-z]$/, '')].includes(only) || isNamed(only, fault, place)),
  );
  if (scenarios.length === 0) throw new Error(`there is no fault --only ${values.only}`);
  const results = await runMatrix({
    scenarios,
    rounds: Number(values.rounds),
    seed,
    isShort: values.short,
    lanes: Number(values.lanes),
    keep: values.keep,
    log: console.log,
    onResult: ({ scenario, seconds, violations, skipped }) => {
      const verdict = skipped ?? (violations.join('; ') || 'exact');
      console.log(`${minutes()} ${scenario.fault} ${scenario.place} (${seconds.toFixed(1)} s): ${verdict}`);
    },
  });
  console.log(resultTable(results));
  if (!values.only) writeResults(results);
  const violated = results.filter(({ violations }) => violations.length > 0).length;
  console.log(
    violated === 0 ? `0 violations (${minutes()})` : `VIOLATED: ${violated} of ${results.length}, seed ${seed}`,
  );
  return violated;
}

/** Whether `only` is a fault and the beginning of its place; F2 alone is not the beginning of F20. */
function isNamed(only: string, fault: string, place: string): boolean {
  return only.startsWith(`${fault} `) && `${fault} ${place}`.startsWith(only);
}

async function runSoak(time: string): Promise<number> {
  const [, number, unit] = /^(\d+)([smh])$/.exec(time) ?? [];
  if (!number) throw new Error(`--soak ${time} is not a time such as 90s, 60m or 2h`);
  const seconds = Number(number) * { s: 1, m: 60, h: 3600 }[unit as 's' | 'm' | 'h'];
  const fixture = await openFixture({ random: randomNumbers(seed), isShort: values.short, log: console.log });
  closeOnInterrupt([fixture.harness], values.keep);
  const result = await soak(fixture, seconds, (line) => console.log(`${minutes()} ${line}`)).finally(() =>
    fixture.harness.close(values.keep),
  );
  console.log(`faults: ${JSON.stringify(result.faults)}; tasks: ${JSON.stringify(result.tasks)}; ${result.resources}`);
  console.log(result.violations.length === 0 ? '0 violations' : `VIOLATED: ${result.violations.join('\n')}`);
  return result.violations.length;
}

/** Only what stands between the two marks is ours. */
function writeResults(results: Result[]): void {
  const file = inProject('docs', 'faults.md');
  const [before, , after] = readFileSync(file, 'utf8').split(/<!-- results[^>]*-->/);
  const run = `${values.rounds} round(s) each, seed ${seed}${values.short ? ', short form' : ''}, ${minutes()} in all.`;
  writeFileSync(
    file,
    `${before}<!-- results: npm run faults -->\n${run}\n\n${resultMarkdown(results)}\n<!-- results end -->${after}`,
  );
}

function minutes(): string {
  const seconds = Math.round((performance.now() - began) / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
