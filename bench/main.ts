/**
 * `npm run bench [-- --rows N --rounds K --pauses P --only Crowd,Reads --full --quick --write]`: the figures of the project, each measured on a service of
 * its own; speeds as ratios to PostgreSQL's own way, in turns in the same run. `--full` adds a file of 2.6 GB, `--quick` takes small files
 * and the sections that need less than five minutes together. A run of all sections, or one with `--write`, writes `docs/benchmarks.md`
 * and its plots. Exit status 1 when a figure was missed.
 */
import path from 'node:path';
import { parseArgs } from 'node:util';
import { type Figure, figureTable } from '../testkit/figures.js';
import { writeSalesFile } from '../testkit/sales-data.js';
import { bold, count, heading, say } from '../testkit/terminal.js';
import { withWorkspace } from '../testkit/workspace.js';
import { benchCrowd } from './crowd.js';
import { benchGentle } from './gentle.js';
import { benchLists } from './lists.js';
import { benchMemory } from './memory.js';
import { benchPeers } from './peers.js';
import type { Plot } from './plot.js';
import { benchReads } from './reads.js';
import { benchRefused } from './refused.js';
import { describeRun, writeReport } from './report.js';
import { benchSmall } from './small.js';
import { benchSpeed } from './speed.js';
import { benchSteering } from './steering.js';
import { benchWaiting } from './waiting.js';

const { values } = parseArgs({
  options: {
    rows: { type: 'string' },
    rounds: { type: 'string' },
    pauses: { type: 'string' },
    quick: { type: 'boolean', default: false },
    full: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
  },
});
const usual = values.quick ? { rows: 200_000, rounds: 1, pauses: 5 } : { rows: 2_000_000, rounds: 3, pauses: 50 };
const [rows, rounds, pauses] = [
  Number(values.rows ?? usual.rows),
  Number(values.rounds ?? usual.rounds),
  Number(values.pauses ?? usual.pauses),
];
const only = (values.only || (values.quick ? 'Speed,Peers,Small,Steering,Memory' : '')).split(',').filter(Boolean);

const figures: Figure[] = [];
const plots: Record<string, Plot> = {};
const report = await withWorkspace({ name: 'bench', keep: false, log: say }, async (workspace) => {
  const file = path.join(workspace.folder, 'sales.csv');
  heading(`A file of ${count(rows)} sales records`);
  const { bytes } = await writeSalesFile(file, { rows });
  const input = { workspace, file, rows, bytes };
  const sections: Record<string, () => Promise<Figure[]>> = {
    Speed: () => benchSpeed({ ...input, rounds }),
    Peers: async () => {
      const { figures, plot } = await benchPeers({ ...input, rounds });
      plots.speed = plot;
      return figures;
    },
    Small: () => benchSmall({ ...input, isQuick: values.quick }),
    Steering: () => benchSteering({ ...input, pauses }),
    Gentle: () => benchGentle(input),
    Lists: () => benchLists(workspace),
    Refused: () => benchRefused(input),
    Waiting: () => benchWaiting(input),
    Crowd: () => benchCrowd(input),
    Reads: () => benchReads(input),
    Memory: async () => {
      const { figures, plot } = await benchMemory({ ...input, isFull: values.full, isQuick: values.quick });
      plots.memory = plot;
      return figures;
    },
  };
  for (const [name, measure] of Object.entries(sections)) {
    if (only.length > 0 && !only.includes(name)) continue;
    heading(name);
    figures.push(...(await measure()));
  }
  return describeRun(workspace, { rows, bytes, rounds });
});

heading('Figures');
console.log(figureTable(figures));
if (values.write || only.length === 0) say(`written to ${writeReport(report, figures, plots)}`);
const missed = figures.filter((figure) => figure.holds === false).length;
console.log(bold(missed === 0 ? '\nAll figures hold.' : `\nFigures missed: ${missed}.`));
process.exitCode = missed === 0 ? 0 : 1;
