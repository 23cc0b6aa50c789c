import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError } from '../src/client/api-error.js';
import type { CutSide } from '../testkit/tcp-proxy.js';
import { beginLoad, type Fixture, newKey, patiently, untilFurther, untilMoving, watch } from './fixture.js';
import { type Finding, judge, judgeAll } from './oracle.js';
import { type Scenario, Violations, worst } from './scenario.js';

/** Once PostgreSQL or the connection is back: retries wait up to 5 s. */
const LONGEST_RECOVERY = 15;

export const databaseFaults: Scenario[] = [
  {
    fault: 'F3a',
    place: 'session ended in an open batch',
    how: 'a failpoint holds the batch open behind its COPY; pg_terminate_backend of its session',
    run: endSessionInBatch,
  },
  {
    fault: 'F3a',
    place: 'every connection of the worker cut',
    how: 'the proxy between worker and PostgreSQL cuts all connections at a random moment, three times',
    run: cutConnections,
  },
  outage('immediate restart', 'pg_ctl stop -m immediate (SIGQUIT), then a start with recovery', 'SIGQUIT', 0),
  outage('postmaster killed', 'SIGKILL of the postmaster, then a start with recovery', 'SIGKILL', 0),
  outage(
    'stopped for a while',
    'fast shutdown, 5 minutes of nothing (short: 6 s), start; a pause meanwhile is answered 503',
    'SIGINT',
    300_000,
  ),
];

async function endSessionInBatch(fixture: Fixture): Promise<Finding> {
  const { harness } = fixture;
  await harness.killWorkers();
  const worker = await harness.startWorker({ FAILPOINT: 'load:after-copy:4:delay:3000' });
  const key = await beginLoad(fixture);
  await harness.until(() => harness.saw('"failpoint"', worker.pid));
  const snapshot = await watch(fixture, key).look();
  const began = performance.now();
  const { rowCount } = await harness.db.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND application_name ~ '^long-task [0-9]+ (part|begin)' AND state <> 'idle'`,
  );
  const recovery = await untilFurther(fixture, key, snapshot, began);
  const { violations, redone } = await judge(fixture, key, ['completed']);
  if (!rowCount) violations.push('void: no session was in a transaction');
  return { violations, recovery, redone };
}

async function cutConnections(fixture: Fixture): Promise<Finding> {
  const { harness, large } = fixture;
  const keys = [await beginLoad(fixture, 4), await beginLoad(fixture, 5)];
  const big = await beginLoad(fixture, 5, large);
  const recoveries: number[] = [];
  for (let i = 0; i < 3; i++) {
    const snapshot = await untilMoving(fixture, big);
    await sleep(fixture.random() % 700);
    const began = performance.now();
    harness.toPostgres.cut();
    recoveries.push(await untilFurther(fixture, big, snapshot, began));
  }
  const verdicts = [await judgeAll(fixture, keys, ['completed']), await judge(fixture, big, ['completed'], large)];
  return {
    violations: verdicts.flatMap(({ violations }) => violations),
    recovery: worst(recoveries),
    redone: verdicts.reduce((sum, { redone }) => sum + redone, 0),
  };
}

function outage(place: string, how: string, signal: NodeJS.Signals, away: number): Scenario {
  const run = async (fixture: Fixture): Promise<Finding> => {
    const { harness } = fixture;
    const violations = new Violations();
    const keys = [await beginLoad(fixture, 4), await beginLoad(fixture, 4)];
    await Promise.all(keys.map((key) => untilMoving(fixture, key)));
    await harness.kill(harness.postgres, signal);
    if (away > 0) {
      violations.add(await answersWhileAway(fixture));
      await sleep(fixture.isShort ? 6_000 : away);
    }
    await harness.startPostgres();
    const began = performance.now();
    const snapshots = await patiently(() => Promise.all(keys.map((key) => watch(fixture, key).look())));
    const recovery = worst(await Promise.all(keys.map((key, i) => untilFurther(fixture, key, snapshots[i]!, began))));
    violations.expect(
      (recovery ?? 0) <= LONGEST_RECOVERY,
      `continued only ${recovery?.toFixed(1)} s after it was back`,
    );
    const verdict = await judgeAll(fixture, keys, ['completed']);
    return { violations: [...violations.found, ...verdict.violations], recovery };
  };
  return { fault: 'F3b', place, how, run };
}

/** Without PostgreSQL writes are answered 503 with `Retry-After`, and the health says what is missing. */
async function answersWhileAway({ harness }: Fixture): Promise<string[]> {
  const violations = new Violations();
  const pause: unknown = await harness.client.pause(newKey()).catch((error: unknown) => error);
  violations.expect(pause instanceof ApiError && pause.status === 503, `a pause without PostgreSQL got ${pause}`);
  violations.expect(pause instanceof ApiError && pause.retryAfter !== undefined, 'the 503 has no Retry-After');
  const health = await fetch(`${harness.client.api}/health/ready`);
  violations.expect(health.status === 503, `/health/ready without PostgreSQL was answered ${health.status}`);
  return violations.found;
}

/** Transactions by a statement that only they have. */
const TRANSACTIONS = {
  claim: /UPDATE long_task\.parts SET token/,
  batch: /COPY .*long_task_staging/,
  'staging table': /CREATE TABLE long_task_staging/,
  publish: /SET SCHEMA public/,
};

const SIDES: CutSide[] = ['before COMMIT', 'after COMMIT', 'before the reply'];

/** F3c: COMMIT sent, and what became of it unknown. */
export const unknownCommits: Scenario[] = Object.entries(TRANSACTIONS).map(([name, transaction]) => ({
  fault: 'F3c',
  place: `COMMIT of ${name}: ${SIDES.join(', ')}`,
  how: 'the proxy cuts the connection at a COMMIT: before it is passed on, right after it, and when its reply is there but not passed on; one task each',
  run: async (fixture) => {
    const redone: number[] = [];
    const violations: string[] = [];
    for (const side of SIDES) {
      const nth = name === 'batch' ? 2 + (fixture.random() % 8) : 1;
      const hit = fixture.harness.toPostgres.cutAtCommit({ transaction, side, nth });
      const key = await beginLoad(fixture, 1.5);
      const isVoid = await Promise.race([hit.then(() => false), sleep(20_000, true)]);
      if (isVoid) violations.push(`void: there was no COMMIT of ${name} to cut`);
      const verdict = await judge(fixture, key, ['completed']);
      violations.push(...verdict.violations.map((what) => `${side}: ${what}`));
      redone.push(verdict.redone);
    }
    return { violations, redone: redone.reduce((sum, rows) => sum + rows, 0) };
  },
}));
