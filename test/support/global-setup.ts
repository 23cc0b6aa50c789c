import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { TestProject } from 'vitest/node';
import { prepareOpenDatabase } from '../../launcher/postgres-roles.js';
import { prepareTemplate, startServers } from './servers.js';

/**
 * Starts one PostgreSQL and one Temporal server for the whole run, makes the migrated database that `createDatabase`
 * copies, and tells the tests where all this is. Tests of pure code need none: when only such tests are selected, it
 * starts nothing. Returns what stops the servers.
 */
export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  if (!project.vitest.state.getPaths().some((file) => needsServers(file))) return undefined;
  const servers = await startServers((message) => process.stderr.write(`long-task: ${message}\n`));
  await prepareTemplate(servers.databaseUrl, prepareOpenDatabase).catch(async (error) => {
    await servers.stop();
    throw error;
  });
  project.provide('databaseUrl', servers.databaseUrl);
  project.provide('temporalAddress', servers.temporalAddress);
  project.provide('temporalCli', servers.temporalCli);
  project.provide('folder', servers.folder);
  return () => servers.stop();
}

// The addresses are reached by `inject` only: in the test itself or in a helper that it imports.
function needsServers(file: string, seen = new Set<string>()): boolean {
  if (seen.has(file) || !existsSync(file)) return false;
  seen.add(file);
  const source = readFileSync(file, 'utf8');
  if (/\binject\(/.test(source)) return true;
  const imports = [...source.matchAll(/ from '(\.[^']*)\.js'/g)].map(([, name]) => `${name}.ts`);
  const helpers = imports.map((name) => path.resolve(path.dirname(file), name)).filter((helper) => isTestCode(helper));
  return helpers.some((helper) => needsServers(helper, seen));
}

function isTestCode(file: string): boolean {
  return file.includes(`${path.sep}test${path.sep}`);
}
