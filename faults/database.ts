import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError } from '../src/client/api-error.js';
import type { CutSide } from '../testkit/tcp-proxy.js';
import { beginLoad, type Lab, newKey, patiently, untilFurther, untilMoving, watch } from './lab.js';
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

async function endSessionInBatch(lab: Lab): Promise<Finding> {
  const { rig } = lab;
  await rig.killWorkers();
  const worker = await rig.startWorker({ FAILPOINT: 'load:after-copy:4:delay:3000' });
  const key = await beginLoad(lab);
  await rig.until(() => rig.saw('"failpoint"', worker.pid));
  const sight = await watch(lab, key).look();
  const began = performance.now();
  const { rowCount } = await rig.db.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name ~ '^long-task [0-9]+ (part|begin)' AND state <> 'idle'`,
  );
  const recovery = await untilFurther(lab, key, sight, began);
  const { violations, redone } = await judge(lab, key, ['completed']);
  if (!rowCount) violations.push('void: no session was in a transaction');
  return { violations, recovery, redone };
}

async function cutConnections(lab: Lab): Promise<Finding> {
  const { rig, large } = lab;
  const keys = [await beginLoad(lab, 4), await beginLoad(lab, 5)];
  const big = await beginLoad(lab, 5, large);
  const recoveries: number[] = [];
  for (let i = 0; i < 3; i++) {
    const sight = await untilMoving(lab, big);
    await sleep(lab.random() % 700);
    const began = performance.now();
    rig.toPostgres.cut();
    recoveries.push(await untilFurther(lab, big, sight, began));
  }
  const verdicts = [await judgeAll(lab, keys, ['completed']), await judge(lab, big, ['completed'], large)];
  return {
    violations: verdicts.flatMap(({ violations }) => violations),
    recovery: worst(recoveries),
    redone: verdicts.reduce((sum, { redone }) => sum + redone, 0),
  };
}

function outage(place: string, how: string, signal: NodeJS.Signals, away: number): Scenario {
  const run = async (lab: Lab): Promise<Finding> => {
    const { rig } = lab;
    const violations = new Violations();
    const keys = [await beginLoad(lab, 4), await beginLoad(lab, 4)];
    await Promise.all(keys.map((key) => untilMoving(lab, key)));
    await rig.kill(rig.postgres, signal);
    if (away > 0) {
      violations.add(await answersWhileAway(lab));
      await sleep(lab.isShort ? 6_000 : away);
    }
    await rig.startPostgres();
    const began = performance.now();
    const sights = await patiently(() => Promise.all(keys.map((key) => watch(lab, key).look())));
    const recovery = worst(await Promise.all(keys.map((key, i) => untilFurther(lab, key, sights[i]!, began))));
    violations.expect(
      (recovery ?? 0) <= LONGEST_RECOVERY,
      `continued only ${recovery?.toFixed(1)} s after it was back`,
    );
    const verdict = await judgeAll(lab, keys, ['completed']);
    return { violations: [...violations.found, ...verdict.violations], recovery };
  };
  return { fault: 'F3b', place, how, run };
}

/** Without PostgreSQL writes are answered 503 with `Retry-After`, and the health says what is missing. */
async function answersWhileAway({ rig }: Lab): Promise<string[]> {
  const violations = new Violations();
  const pause: unknown = await rig.client.pause(newKey()).catch((error: unknown) => error);
  violations.expect(pause instanceof ApiError && pause.status === 503, `a pause without PostgreSQL got ${pause}`);
  violations.expect(pause instanceof ApiError && pause.retryAfter !== undefined, 'the 503 has no Retry-After');
  const health = await fetch(`${rig.client.api}/health/ready`);
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

const SIDES: CutSide[] = ['before COMMIT', 'behind COMMIT', 'before the reply'];

/** F3c: COMMIT sent, and what became of it unknown. */
export const unknownCommits: Scenario[] = Object.entries(TRANSACTIONS).map(([name, transaction]) => ({
  fault: 'F3c',
  place: `COMMIT of ${name}: ${SIDES.join(', ')}`,
  how: 'the proxy cuts the connection at a COMMIT: before it is passed on, right after it, and when its reply is there but not passed on; one task each',
  run: async (lab) => {
    const redone: number[] = [];
    const violations: string[] = [];
    for (const side of SIDES) {
      const nth = name === 'batch' ? 2 + (lab.random() % 8) : 1;
      const hit = lab.rig.toPostgres.cutAtCommit({ transaction, side, nth });
      const key = await beginLoad(lab, 1.5);
      const isVoid = await Promise.race([hit.then(() => false), sleep(20_000, true)]);
      if (isVoid) violations.push(`void: there was no COMMIT of ${name} to cut`);
      const verdict = await judge(lab, key, ['completed']);
      violations.push(...verdict.violations.map((what) => `${side}: ${what}`));
      redone.push(verdict.redone);
    }
    return { violations, redone: redone.reduce((sum, rows) => sum + rows, 0) };
  },
}));
