import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { TaskKey, UploadFields } from '../src/client/client.js';
import { type Figure, limitFigure } from '../testkit/figures.js';
import { median } from '../testkit/speed.js';
import { untilIdle } from '../testkit/steering.js';
import { say } from '../testkit/terminal.js';
import type { Workspace } from '../testkit/workspace.js';
import type { BenchInput } from './input.js';

const ROWS = 200_000;
const ROUNDS = 3;
const MIN_PER_SECOND = 10_000;

const ACCEPTED = (row: number) => `2024-01-${(row % 18) + 10}T10:${(row % 50) + 10}:00`;
const REFUSED = (row: number) => `${(row % 18) + 10}.01.2024 10:00`;

/**
 * Loads values of a given type: refused in every row or in every other one, and accepted, against the same column as
 * text.
 */
export async function benchRefused({ workspace }: BenchInput): Promise<Figure[]> {
  const given: UploadFields = { columns: { at: 'timestamp' }, max_rejects: ROWS };
  const seconds: Record<'all' | 'half' | 'checked' | 'text', number[]> = { all: [], half: [], checked: [], text: [] };
  for (let round = 0; round <= ROUNDS; round++) {
    const times = {
      all: await load(workspace, REFUSED, given),
      half: await load(workspace, (row) => (row % 2 ? ACCEPTED(row) : REFUSED(row)), given),
      checked: await load(workspace, ACCEPTED, given),
      text: await load(workspace, ACCEPTED, {}),
    };
    say(
      `round ${round}: ${Object.entries(times)
        .map(([name, time]) => `${name} ${time.toFixed(2)} s`)
        .join(', ')}`,
    );
    // The first is to warm up.
    if (round > 0) for (const [name, time] of Object.entries(times)) seconds[name as keyof typeof times].push(time);
  }
  return [
    perSecond('refused values, in every row: per second of the upload', ROWS / median(seconds.all)),
    perSecond('the same in every other row', ROWS / 2 / median(seconds.half)),
    limitFigure(
      'a column whose given type is checked, against text',
      (100 * median(seconds.checked)) / median(seconds.text),
      '%',
    ),
  ];
}

function perSecond(name: string, measured: number): Figure {
  const asked = `≥ ${MIN_PER_SECOND.toLocaleString('en-US')}`;
  return { name, measured: Math.round(measured).toLocaleString('en-US'), asked, holds: measured >= MIN_PER_SECOND };
}

let loads = 0;

/** Seconds from the start request to `completed`. */
async function load(workspace: Workspace, value: (row: number) => string, fields: UploadFields): Promise<number> {
  const { client, db, folder } = workspace;
  const key: TaskKey = { kind: 'upload', user_id: 'bench', task_name: `refused ${++loads}` };
  const file = path.join(folder, 'refused.csv');
  const rows = Array.from({ length: ROWS }, (_, row) => `${row},${value(row)},customer ${row % 97},${row % 1000}.50`);
  await writeFile(file, `id,at,name,amount\n${rows.join('\n')}\n`);
  await untilIdle(workspace);
  const began = performance.now();
  await client.upload(key, file, fields);
  const { table } = await client.waitFor(key, ['completed']);
  const seconds = (performance.now() - began) / 1000;
  await db.query(`DROP TABLE ${table}`);
  return seconds;
}
