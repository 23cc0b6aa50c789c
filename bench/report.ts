import os from 'node:os';
import { temporalCliVersion } from '../launcher/temporal-cli.js';
import { count, megabytes } from '../testkit/terminal.js';
import type { Workspace } from '../testkit/workspace.js';

/** When, where and on what was measured, as the head of `bench/results.md`. */
export async function describeRun(
  { db }: Workspace,
  { rows, bytes, rounds }: { rows: number; bytes: number; rounds: number },
): Promise<string> {
  const { rows: found } = await db.query('SHOW server_version');
  const cpus = os.cpus();
  const memory = Math.round(os.totalmem() / 2 ** 30);
  return `# Measured

By \`npm run bench -- --write\`; each run rewrites this page.

- ${new Date().toISOString().slice(0, 10)}, ${cpus.length} cores (${cpus[0]?.model.trim()}), ${memory} GiB of memory, ${os.type()}
- Node.js ${process.versions.node}, PostgreSQL ${found[0].server_version} (embedded, as it comes), Temporal CLI ${temporalCliVersion} (dev server)
- ${count(rows)} sales records, 12 columns, ${megabytes(bytes)}; in turns with the peer, the median of ${rounds} after one to warm up
- Service, PostgreSQL, Temporal and the measuring program share the machine. Pauses come at full speed, at random
  moments. Temporal's client sends a pause by signal as \`temporal workflow signal\` does, without the start-up of that
  program.
`;
}
