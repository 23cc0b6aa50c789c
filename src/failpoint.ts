import { setTimeout as sleep } from 'node:timers/promises';

/** What a failpoint does when it is hit: end the process at once, freeze it, throw, or wait. */
type Effect = 'kill' | 'stop' | 'throw' | 'delay';

interface Plan {
  name: string;
  /** On which hit it acts, from 1. */
  nth: number;
  effect: Effect;
  delayMs: number;
  hits: number;
}

let plans: Plan[] = [];

/** The names of all failpoints, so that a test can arm each of them. */
export const FAILPOINTS = [
  'convert:after-files',
  'inspect:before-store-part',
  'inspect:after-store-part',
  'prepare:before-commit',
  'prepare:after-commit',
  'load:after-claim',
  'load:before-copy',
  'load:after-copy',
  'load:before-commit',
  'load:after-commit',
  'load:after-part',
  'publish:before-index',
  'publish:after-index',
  'publish:before-commit',
  'publish:after-commit',
  'command:before-commit',
  'command:after-commit',
  'settle:before-commit',
  'fault:before-commit',
  'fault:after-commit',
  'rollback:before-drop',
  'rollback:after-drop',
  'rollback:after-commit',
  'plan:before-commit',
  'dump:mid-part',
  'dump:before-record',
  'assemble:mid-file',
  'assemble:before-record',
  'assemble:after-record',
  'delete:before-commit',
  'delete:after-commit',
  'delete:after-files',
  'delete:after-drop',
  'delete:after-forget',
  'store:before-fsync',
  'store:before-rename',
  'store:after-rename',
] as const;
export type Failpoint = (typeof FAILPOINTS)[number];

/**
 * Arms failpoints from `name:nth:effect[:ms]`, several separated by commas. For tests only.
 * @throws when the environment is production, or a name or an effect is unknown
 */
export function armFailpoints(spec: string, environment: string | undefined): void {
  if (environment === 'production') throw new Error('FAILPOINT is for tests and refused when NODE_ENV is production');
  plans = spec.split(',').map(parsePlan);
}

function parsePlan(text: string): Plan {
  const match = /^(.+?):(\d+):(kill|stop|throw|delay)(?::(\d+))?$/.exec(text.trim());
  if (!match || !FAILPOINTS.includes(match[1] as Failpoint)) {
    throw new Error(`FAILPOINT "${text}" is not name:nth:effect[:ms]; names: ${FAILPOINTS.join(', ')}`);
  }
  return {
    name: match[1]!,
    nth: Number(match[2]),
    effect: match[3] as Effect,
    delayMs: Number(match[4] ?? 1000),
    hits: 0,
  };
}

/** Marks a place at which a test can cause a fault. Costs one comparison when nothing is armed. */
export function failpoint(name: Failpoint): Promise<void> | undefined {
  if (plans.length === 0) return undefined;
  return act(name);
}

async function act(name: Failpoint): Promise<void> {
  for (const plan of plans) {
    if (plan.name !== name || ++plan.hits !== plan.nth) continue;
    process.stderr.write(`${JSON.stringify({ msg: 'failpoint', name, effect: plan.effect, pid: process.pid })}\n`);
    if (plan.effect === 'kill') process.kill(process.pid, 'SIGKILL');
    if (plan.effect === 'stop') process.kill(process.pid, 'SIGSTOP');
    if (plan.effect === 'throw') throw new Error(`failpoint ${name}`);
    if (plan.effect === 'delay') await sleep(plan.delayMs);
  }
}
