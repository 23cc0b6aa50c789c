/**
 * `npm run bench [-- --rows N --rounds K --pauses P --only Crowd,Reads --budget --full --write]`: the figures of the
 * project, each measured on a service of its own; speeds as ratios to PostgreSQL's own way, in turns in the same run.
 * `--budget` shows only what an upload of 100 MB costs, with `--full` of 260 MB. `--full` otherwise adds a file of
 * 2.6 GB, `--write` writes `bench/results.md`. Exit status 1 when a figure was missed.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { inProject } from '../launcher/paths.js';
import { type Figure, figureMarkdown, figureTable } from '../testkit/figures.js';
import { writeSalesFile } from '../testkit/sales-data.js';
import { bold, count, heading, say } from '../testkit/terminal.js';
import { withWorkspace } from '../testkit/workspace.js';
import { benchBudget } from './budget.js';
import { benchCrowd } from './crowd.js';
import { benchGentle } from './gentle.js';
import { benchLists } from './lists.js';
import { benchMemory } from './memory.js';
import { benchReads } from './reads.js';
import { benchRefused } from './refused.js';
import { describeRun } from './report.js';
import { benchSmall } from './small.js';
import { benchSpeed } from './speed.js';
import { benchSteering } from './steering.js';
import { benchWaiting } from './waiting.js';

const { values } = parseArgs({
  options: {
    rows: { type: 'string' },
    budget: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '3' },
    pauses: { type: 'string', default: '50' },
    full: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
  },
});
const defaultRows = values.budget && !values.full ? 770_000 : 2_000_000;
const [rows, rounds, pauses] = [Number(values.rows ?? defaultRows), Number(values.rounds), Number(values.pauses)];
const only = values.budget ? ['Budget'] : values.only.split(',').filter(Boolean);

const figures: Figure[] = [];
const report = await withWorkspace({ name: 'bench', keep: false, log: say }, async (workspace) => {
  const file = path.join(workspace.folder, 'sales.csv');
  heading(`A file of ${count(rows)} sales records`);
  const { bytes } = await writeSalesFile(file, { rows });
  const input = { workspace, file, rows, bytes };
  const sections: Record<string, () => Promise<Figure[]>> = {
    Speed: () => benchSpeed({ ...input, rounds }),
    Budget: () => benchBudget({ ...input, rounds }),
    Small: () => benchSmall(input),
    Steering: () => benchSteering({ ...input, pauses }),
    Gentle: () => benchGentle(input),
    Lists: () => benchLists(workspace),
    Refused: () => benchRefused(input),
    Waiting: () => benchWaiting(input),
    Crowd: () => benchCrowd(input),
    Reads: () => benchReads(input),
    Memory: () => benchMemory({ ...input, isFull: values.full }),
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
if (values.write) {
  const results = inProject('bench', 'results.md');
  writeFileSync(results, `${report}\n${figureMarkdown(figures)}\n`);
  say(`written to ${results}`);
}
const missed = figures.filter((figure) => figure.holds === false).length;
console.log(bold(missed === 0 ? '\nAll figures hold.' : `\nFigures missed: ${missed}.`));
process.exitCode = missed === 0 ? 0 : 1;
