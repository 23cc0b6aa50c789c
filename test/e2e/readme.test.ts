import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { inProject } from '../../launcher/paths.js';
import { findTemporalCli } from '../../launcher/temporal-cli.js';
import { type Service, startService } from '../../testkit/service.js';

const DEFAULT_API = 'http://127.0.0.1:8000';

let folder: string;
let service: Service;

// As the README has it: a folder with the project's files, in which `npm start` keeps its data under `.data`.
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'long-task-readme-'));
  for (const name of ['sample_data.csv', 'node_modules']) await symlink(inProject(name), path.join(folder, name));
  await symlink(await findTemporalCli({ log: () => {} }), path.join(folder, 'temporal'));
  service = await startService({ dataDir: path.join(folder, '.data') });
}, 180_000);

afterAll(async () => {
  await service?.stop();
  await rm(folder, { recursive: true, force: true });
}, 60_000);

it('README.md: every command of "Try it" succeeds in order, as printed', async () => {
  const printed = commandsOf(await readFile(inProject('README.md'), 'utf8'));
  expect(printed).toContain(DEFAULT_API);
  const { stdout } = await run(printed.replace(DEFAULT_API, service.api));
  expect(stdout).toMatch(/│ 0 .*│ '1' +│ 'Panama' +│/);
  expect(stdout).toMatch(/Region,Country,Item Type/);
  expect(stdout).toMatch(/Running .*upload\/ana\/slow/);
  expect(await readFile(path.join(folder, 'exported.csv'), 'utf8')).toHaveLength(
    (await readFile(inProject('sample_data.csv'), 'utf8')).length,
  );
  expect(await (await fetch(`${service.api}/tasks`)).json()).toEqual({ tasks: [], next: null });
}, 120_000);

/** Returns the shell blocks after the heading "Try it", joined in order. */
function commandsOf(page: string): string {
  const [, tried] = page.split('\n## Try it\n');
  return [...tried!.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block]) => block).join('\n');
}

function run(script: string): Promise<{ stdout: string; stderr: string }> {
  const env = { ...process.env, PATH: `${folder}:${process.env.PATH}`, TEMPORAL_ADDRESS: service.temporal };
  return promisify(execFile)('bash', ['-euc', script], { cwd: folder, env, timeout: 100_000 });
}
