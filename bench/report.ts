import { mkdirSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { inProject } from '../launcher/paths.js';
import { temporalCliVersion } from '../launcher/temporal-cli.js';
import { type Figure, figureMarkdown } from '../testkit/figures.js';
import { count, megabytes } from '../testkit/terminal.js';
import type { Workspace } from '../testkit/workspace.js';
import { type Plot, svgOf } from './plot.js';

/** When, where and on what was measured, as the head of `docs/benchmarks.md`. */
export async function describeRun(
  { db }: Workspace,
  { rows, bytes, rounds }: { rows: number; bytes: number; rounds: number },
): Promise<string> {
  const { rows: found } = await db.query('SHOW server_version');
  const cpus = os.cpus();
  const memory = Math.round(os.totalmem() / 2 ** 30);
  return `# Benchmarks

One question: how fast is it, compared with other ways to do the same? Each run of \`npm run bench\` writes this page;
[measurements](measurements.md) says how it measures, and where the time goes.

- ${new Date().toISOString().slice(0, 10)}, ${cpus.length} cores (${cpus[0]?.model.trim()}), ${memory} GiB of memory, ${os.type()}
- Node.js ${process.versions.node}, PostgreSQL ${found[0].server_version} (embedded, as it comes), Temporal CLI ${temporalCliVersion} (dev server)
- ${count(rows)} sales records, 12 columns, ${megabytes(bytes)}; in turns with the peer, the median of ${rounds} after one to warm up
- Service, PostgreSQL, Temporal and the measuring program share the machine. Pauses come at full speed, at random
  moments. Temporal's client sends a pause by signal as \`temporal workflow signal\` does, without the start-up of that
  program.
`;
}

/** Writes the page of the run, and its plots. Returns the path of the page. */
export function writeReport(head: string, figures: Figure[], plots: Record<string, Plot>): string {
  const page = inProject('docs', 'benchmarks.md');
  mkdirSync(inProject('docs', 'benchmarks'), { recursive: true });
  const images = Object.entries(plots).map(([name, plot]) => {
    const file = path.join('benchmarks', `${name}.svg`);
    writeFileSync(inProject('docs', file), svgOf(plot));
    return `![${plot.title}](${file})\n`;
  });
  writeFileSync(page, [head, figureMarkdown(figures), '', ...images].join('\n'));
  return page;
}
