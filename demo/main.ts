/**
 * `npm run demo [-- --rows N --keep]`: shows on a service of its own what Long-Task promises, and measures it. Exit
 * status 0 when all of it held, 1 when anything did not. `--keep` leaves the folder with files, database and logs.
 */
import path from 'node:path';
import { parseArgs } from 'node:util';
import { figureTable } from '../testkit/figures.js';
import { writeSalesFile } from '../testkit/sales-data.js';
import { bold, Checks, count, heading, megabytes, say, showProgress } from '../testkit/terminal.js';
import { withWorkspace } from '../testkit/workspace.js';
import { measureFigures } from './demo-figures.js';
import { type Script, showLoad, showRoundTrip, showTermination } from './script.js';

const { values } = parseArgs({
  options: { rows: { type: 'string', default: '2000000' }, keep: { type: 'boolean', default: false } },
});
const rows = Number(values.rows);
if (!Number.isInteger(rows) || rows < 10_000) {
  console.error('--rows must be a whole number of at least 10000');
  process.exit(2);
}

const began = performance.now();
console.log(bold('Long-Task: a CSV file goes into PostgreSQL and out again, exactly, through every fault'));
const checks = new Checks();
const figures = await withWorkspace({ name: 'demo', keep: values.keep, log: say }, async (workspace) => {
  heading('The service runs');
  say(`API ${workspace.service.api}, Temporal Web UI ${workspace.service.temporalUi}, all in ${workspace.folder}`);
  const file = path.join(workspace.folder, 'sales.csv');
  const bytes = await makeFile(file);
  const script: Script = { workspace, checks, file, rows, bytes, figures: [], peakMemory: 0 };
  await showLoad(script);
  await showRoundTrip(script);
  await showTermination(script);
  await measureFigures(script);
  heading('The service stops');
  return script.figures;
});

heading('Measured just now');
console.log(figureTable(figures));
const missed = figures.filter((figure) => figure.holds === false).length;
const seconds = ((performance.now() - began) / 1000).toFixed(0);
console.log(`\n${verdict(checks.failed, missed)} (${seconds} s)`);
process.exitCode = checks.failed + missed === 0 ? 0 : 1;

async function makeFile(file: string): Promise<number> {
  heading(`A file of ${count(rows)} sales records`);
  const progress = showProgress('writing');
  const { bytes } = await writeSalesFile(file, { rows }, (done) => progress.update((done / rows) * 100));
  progress.end();
  say(`${megabytes(bytes)}, 12 columns, some values with commas and quotes, some empty`);
  return bytes;
}

function verdict(failed: number, missed: number): string {
  if (failed + missed === 0) return bold('All of it held.');
  const parts = [failed && `promises that did not hold: ${failed}`, missed && `figures missed: ${missed}`];
  return bold(`Not all of it held: ${parts.filter(Boolean).join(', ')}. See above.`);
}
