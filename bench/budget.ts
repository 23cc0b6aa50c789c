import { rm } from 'node:fs/promises';
import path from 'node:path';
import Table from 'cli-table3';
import type { TaskName } from '../src/client/client.js';
import { type Figure, ratioFigure } from '../testkit/figures.js';
import { type ProcessorTime, processorTimeOf } from '../testkit/processor-time.js';
import {
  createPeerTable,
  dropTables,
  median,
  PEER_TABLE,
  peerOf,
  phasesOf,
  runToCompleted,
  secondsOf,
  settle,
  tableOf,
} from '../testkit/speed.js';
import { say } from '../testkit/terminal.js';
import type { Workspace } from '../testkit/workspace.js';
import type { BenchInput } from './input.js';

/** Seconds of one way to load the file: by the clock, by step where it has steps, and of the processor by process. */
interface Budget {
  wall: number;
  steps: Record<string, number>;
  processor: ProcessorTime;
}

const WAYS = ['service', 'psql \\copy', 'floor'] as const;
type Way = (typeof WAYS)[number];

/**
 * What an upload costs by process and by phase, in turns with `\copy` of the bare columns and with the floor of the
 * same result: two sessions that copy numbered rows, then the unique index and the count. After one round that is not
 * counted.
 */
export async function benchBudget({
  workspace,
  file,
  rows,
  rounds,
}: BenchInput & { rounds: number }): Promise<Figure[]> {
  const measured: Record<Way, Budget>[] = [];
  for (let round = 0; round <= rounds; round++) {
    const result = await measureRound(workspace, file, rows, round);
    const walls = WAYS.map((way) => `${way} ${result[way].wall.toFixed(2)} s`);
    say(`round ${round}${round === 0 ? ' (to warm up)' : ''}: ${walls.join(', ')}`);
    if (round > 0) measured.push(result);
  }
  const typical = Object.fromEntries(WAYS.map((way) => [way, medians(measured.map((round) => round[way]))])) as Record<
    Way,
    Budget
  >;
  say(`seconds by the clock\n${tableOfSteps(typical)}`);
  say(`seconds of processor time\n${tableOfProcesses(typical)}`);
  const { service, floor } = typical;
  const bare = typical['psql \\copy'];
  return [
    ratioFigure('upload against the floor of the same result', service.wall, floor.wall, 0.77),
    ratioFigure('upload against psql \\copy of the bare columns', service.wall, bare.wall, 1),
    ratioFigure(
      'processor time of an upload against the floor',
      sum(service.processor),
      sum(floor.processor),
      undefined,
    ),
  ];
}

async function measureRound(workspace: Workspace, file: string, rows: number, round: number) {
  const { db, folder } = workspace;
  const peer = peerOf(workspace);
  const name: TaskName = { user_id: 'budget', task_name: `round ${round}` };
  const halves = [1, 2].map((half) => path.join(folder, `half-${half}.copy`));
  try {
    const service = await measure(workspace, {
      load: () => runToCompleted(workspace, { kind: 'upload', ...name }, file),
    });
    const phases = await phasesOf(db, { kind: 'upload', ...name });
    const table = (await tableOf(db, name))!;
    await createPeerTable(db, name);
    const bare = await measure(workspace, { copy: () => peer.copyIn(PEER_TABLE, file) });
    await db.query(`DROP TABLE ${PEER_TABLE}`);
    const half = Math.ceil(rows / 2);
    for (const [i, target] of halves.entries()) {
      const range = `_row > ${i * half} AND _row <= ${(i + 1) * half}`;
      await peer.copyOut(`(SELECT * FROM ${table} WHERE ${range} ORDER BY _row)`, target, TEXT);
    }
    await db.query(`CREATE TABLE ${PEER_TABLE} (LIKE ${table})`);
    const floor = await measure(workspace, {
      copy: async () => {
        await Promise.all(halves.map((source) => peer.copyIn(PEER_TABLE, source, TEXT)));
      },
      index: async () => {
        await db.query(`CREATE UNIQUE INDEX ON ${PEER_TABLE} (_row)`);
      },
      count: async () => {
        await db.query(`SELECT count(*), sum(_row) FROM ${PEER_TABLE}`);
      },
    });
    return { service: { ...service, steps: phases }, 'psql \\copy': bare, floor };
  } finally {
    for (const half of halves) await rm(half, { force: true });
    await dropTables(db, name);
  }
}

const TEXT = '(FORMAT text)';

async function measure(workspace: Workspace, work: Record<string, () => Promise<void>>): Promise<Budget> {
  const { pid, api_pid, worker_pid, postgres_pid, temporal_pid } = workspace.service.services();
  const pids = {
    sender: process.pid,
    launcher: pid,
    API: api_pid,
    worker: worker_pid,
    ...(postgres_pid !== null && { PostgreSQL: postgres_pid }),
    ...(temporal_pid !== null && { Temporal: temporal_pid }),
  };
  const steps: Record<string, number> = {};
  let wall = 0;
  await settle(workspace);
  const processor = await processorTimeOf(pids, async () => {
    wall = await secondsOf(async () => {
      for (const [step, body] of Object.entries(work)) steps[step] = await secondsOf(body);
    });
  });
  return { wall, steps, processor };
}

function medians(budgets: Budget[]): Budget {
  const of = (records: Record<string, number>[]) => {
    const names = [...new Set(records.flatMap((record) => Object.keys(record)))];
    return Object.fromEntries(names.map((name) => [name, median(records.map((record) => record[name] ?? 0))]));
  };
  return {
    wall: median(budgets.map(({ wall }) => wall)),
    steps: of(budgets.map(({ steps }) => steps)),
    processor: of(budgets.map(({ processor }) => processor)),
  };
}

/** By step. A line of its own has the time outside of all steps: the request, Temporal, between phases. */
function tableOfSteps(typical: Record<Way, Budget>): string {
  return WAYS.map((way) => {
    const { wall, steps } = typical[way];
    const table = new Table({ head: [way, 's', 'of the whole'], style: { head: [], border: [] } });
    const lines = { ...steps, 'around it': wall - sum(steps), whole: wall };
    for (const [step, seconds] of Object.entries(lines)) table.push([step, seconds.toFixed(2), percent(seconds, wall)]);
    return table.toString();
  }).join('\n');
}

function tableOfProcesses(typical: Record<Way, Budget>): string {
  const table = new Table({ head: ['process', ...WAYS, 'service ÷ floor'], style: { head: [], border: [] } });
  const line = (name: string, pick: (budget: Budget) => number) => {
    const seconds = WAYS.map((way) => pick(typical[way]));
    const [service, , floor] = seconds as [number, number, number];
    table.push([name, ...seconds.map((value) => value.toFixed(2)), floor < 0.05 ? '' : (service / floor).toFixed(2)]);
  };
  for (const name of Object.keys(typical.service.processor)) line(name, ({ processor }) => processor[name] ?? 0);
  line('sum', ({ processor }) => sum(processor));
  line('sum ÷ wall (cores)', ({ processor, wall }) => sum(processor) / wall);
  return table.toString();
}

function sum(record: Record<string, number>): number {
  return Object.values(record).reduce((total, value) => total + value, 0);
}

function percent(part: number, whole: number): string {
  return `${((100 * part) / whole).toFixed(0)} %`;
}
