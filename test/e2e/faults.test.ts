import { beforeAll, describe, expect, it } from 'vitest';
import { matrix, type Result, runMatrix } from '../../faults/matrix.js';

/** Given to repeat a run: `FAULTS_SEED=7 npm test -- test/e2e/faults`. */
const seed = Number(process.env.FAULTS_SEED ?? 1 + (Date.now() % 1_000_000));
const scenarios = matrix(true);
const LANES = 4;
const TEN_MINUTES = 10 * 60_000;

/**
 * The short form of `npm run faults`: every fault of the matrix once, in a few harnesses in parallel, since they mostly
 * wait.
 */
describe(`each fault of the matrix, seed ${seed}`, () => {
  let results: Result[] = [];
  beforeAll(async () => {
    const log = (line: string) => process.stderr.write(`${line}\n`);
    const onResult = ({ scenario, seconds, violations }: Result) =>
      log(
        `faults: ${scenario.fault} ${scenario.place}, ${seconds.toFixed(0)} s${violations.length ? ': VIOLATED' : ''}`,
      );
    results = await runMatrix({ scenarios, rounds: 1, seed, isShort: true, lanes: LANES, log, onResult });
  }, 2 * TEN_MINUTES);

  const violationsOf = (found: Result | undefined) => found?.violations ?? ['was not run'];

  it.for(scenarios.map((scenario) => [`${scenario.fault} ${scenario.place}`, scenario] as const))(
    '%s: exact, nothing left',
    ([, scenario], { skip }) => {
      const result = results.find((found) => found.scenario === scenario);
      if (result?.skipped) skip(result.skipped);
      expect(violationsOf(result)).toEqual([]);
    },
  );

  it('leaves memory and descriptors of the processes as they were', () => {
    const resting = results.filter(({ scenario }) => scenario.fault === 'all');
    expect(resting.length).toBeGreaterThan(0);
    expect(resting.flatMap(violationsOf)).toEqual([]);
  });
});
