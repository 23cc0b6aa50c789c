/**
 * `npm run bench [-- --rows N --rounds K --pauses P --only Crowd,Reads --budget --full --quick --write]`: the figures
 * of the project, each measured on a service of its own; speeds as ratios to PostgreSQL's own way, in turns in the same
 * run. `--budget` shows only what an upload of 100 MB costs, with `--full` of 260 MB. `--full` otherwise adds a file of
 * 2.6 GB, `--quick` takes small files and the sections that need less than five minutes together. A run of all
 * sections, or one with `--write`, writes `docs/benchmarks.md` and its plots. Exit status 1 when a figure was missed.
 */
import path from 'node:path';
import { parseArgs } from 'node:util';
import { type Figure, figureTable } from '../testkit/figures.js';
import { writeSalesFile } from '../testkit/sales-data.js';
import { bold, count, heading, say } from '../testkit/terminal.js';
import { withWorkspace } from '../testkit/workspace.js';
import { benchBudget } from './budget.js';
import { benchCrowd } from './crowd.js';
import { benchEncodings } from './encodings.js';
import { benchGentle } from './gentle.js';
import { benchLists } from './lists.js';
import { benchMemory } from './memory.js';
import { benchPeers } from './peers.js';
import type { Plot } from './plot.js';
import { benchPreview } from './preview.js';
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
    budget: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    pauses: { type: 'string' },
    quick: { type: 'boolean', default: false },
    full: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
  },
});
const usualRows = values.budget && !values.full ? 770_000 : 2_000_000;
const usual = values.quick ? { rows: 200_000, rounds: 1, pauses: 5 } : { rows: usualRows, rounds: 3, pauses: 50 };
const [rows, rounds, pauses] = [
  Number(values.rows ?? usual.rows),
  Number(values.rounds ?? usual.rounds),
  Number(values.pauses ?? usual.pauses),
];
const sectionsOf = values.budget ? 'Budget' : values.quick ? 'Speed,Peers,Small,Steering,Memory' : '';
const only = (values.only || sectionsOf).split(',').filter(Boolean);

const figures: Figure[] = [];
const plots: Record<string, Plot> = {};
const report = await withWorkspace({ name: 'bench', keep: false, log: say }, async (workspace) => {
  const file = path.join(workspace.folder, 'sales.csv');
  heading(`A file of ${count(rows)} sales records`);
  const { bytes } = await writeSalesFile(file, { rows });
  const input = { workspace, file, rows, bytes };
  const sections: Record<string, () => Promise<Figure[]>> = {
    Speed: () => benchSpeed({ ...input, rounds }),
    Budget: () => benchBudget({ ...input, rounds }),
    Peers: async () => {
      const { figures, plot } = await benchPeers({ ...input, rounds });
      plots.speed = plot;
      return figures;
    },
    Encodings: () => benchEncodings({ ...input, rounds }),
    Small: () => benchSmall({ ...input, isQuick: values.quick }),
    Steering: () => benchSteering({ ...input, pauses }),
    Gentle: () => benchGentle(input),
    Lists: () => benchLists(workspace),
    Refused: () => benchRefused(input),
    Waiting: () => benchWaiting(input),
    Crowd: () => benchCrowd(input),
    Reads: () => benchReads(input),
    Preview: () => benchPreview(input),
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
