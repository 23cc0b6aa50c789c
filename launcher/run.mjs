#!/usr/bin/env node
// What every npm script calls: `node launcher/run.mjs <name> [args]`. Plain JavaScript and Node's own modules only,
// because on a bare clone nothing else is there yet. It installs what is missing, builds what is stale, and then loads
// its compiled program into this same process, so that signals, exit code and terminal are the command's own.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

const root = path.resolve(import.meta.dirname, '..');
const at = (...names) => path.join(root, ...names);

const services = {
  api: 'src/api/main.js',
  worker: 'src/worker/main.js',
  start: 'launcher/start.js',
  'setup-database': 'src/setup-database.js',
};
const tools = {
  test: 'launcher/test.js',
  bench: 'bench/main.js',
  'bench:pollock': 'bench/pollock.js',
  demo: 'demo/main.js',
  faults: 'faults/main.js',
  'verify-exact': 'demo/verify-exact.js',
};
const buildInputs = [
  ...['src', 'launcher', 'testkit', 'faults', 'demo', 'bench'],
  ...['tsconfig.json', 'tsconfig.build.json', 'package-lock.json'],
];
const workflows = 'src/workflows/index.js';
const stampName = '.stamp';

const [name = '', ...args] = process.argv.slice(2);
process.chdir(root);
if (!isInstalled() || !isBuilt()) {
  await withLock(() => {
    // Another run may have done it while this one waited for the lock.
    if (!isInstalled()) install();
    if (!isBuilt()) build();
  }).catch(fail);
}
if (name !== 'build') await load(name);

async function load(command) {
  const program = { ...services, ...tools }[command];
  if (!program) fail(new Error(`there is no command ${JSON.stringify(command)}`));
  const script = at('dist', program);
  process.argv = [process.argv[0], script, ...args];
  // A variable of the environment, even an empty one, overrides the file.
  if (command in services && fs.existsSync(at('.env'))) process.loadEnvFile(at('.env'));
  await import(pathToFileURL(script).href);
}

// npm writes node_modules/.package-lock.json at the end of an install: the sign of one that was made by hand.
function isInstalled() {
  const lockHash = hashOfLock();
  if (read(at('node_modules', '.long-task')) === lockHash) return true;
  if (mtime(at('node_modules', '.package-lock.json')) < Math.max(mtime(at('package-lock.json')), 1)) return false;
  fs.writeFileSync(at('node_modules', '.long-task'), lockHash);
  return true;
}

function install() {
  say('installing dependencies');
  // Keeps to package-lock.json and leaves it alone, as `npm ci` does, but does not insist on an entry in it for every
  // other platform's packages. The compiler is a development dependency: needed even where NODE_ENV is production.
  const options = ['install', '--no-save', '--include=dev', '--no-audit', '--no-fund'];
  if (process.env.npm_execpath?.endsWith('.js')) run(process.execPath, [process.env.npm_execpath, ...options]);
  else run('npm', options);
  fs.writeFileSync(at('node_modules', '.long-task'), hashOfLock());
}

function isBuilt() {
  return read(at('dist', stampName)) === stampOfSources();
}

// Built next to dist, then renamed: a starting run never sees half of a build, and outputs of deleted sources go.
function build() {
  const began = Date.now();
  const stamp = stampOfSources();
  const next = at('dist.next');
  const old = at('dist.old');
  removeAll(next, old);
  try {
    run(process.execPath, [at('node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json', '--outDir', next]);
    run(process.execPath, [
      at('node_modules/assemblyscript/bin/asc.js'),
      '--config',
      at('src/kernel/asconfig.json'),
      '--outFile',
      path.join(next, 'kernel.wasm'),
    ]);
    if (fs.existsSync(path.join(next, workflows))) run(process.execPath, [path.join(next, 'launcher/build-bundle.js')]);
    fs.writeFileSync(path.join(next, stampName), stamp);
    if (fs.existsSync(at('dist'))) fs.renameSync(at('dist'), old);
    fs.renameSync(next, at('dist'));
  } finally {
    removeAll(next, old);
  }
  say(`built in ${((Date.now() - began) / 1000).toFixed(1)} s`);
}

function stampOfSources() {
  const lines = [];
  const add = (file) => {
    const stat = fs.statSync(file, { throwIfNoEntry: false });
    if (stat?.isDirectory()) for (const entry of fs.readdirSync(file).sort()) add(path.join(file, entry));
    else if (stat && /\.(ts|json)$/.test(file)) lines.push(`${path.relative(root, file)} ${stat.mtimeMs} ${stat.size}`);
  };
  for (const input of buildInputs) add(at(input));
  return lines.join('\n');
}

// Only one process can create the folder. It holds the owner's pid, so that a killed run does not block the next one.
async function withLock(work) {
  const lock = at('.cache', 'build.lock');
  const owner = path.join(lock, 'pid');
  fs.mkdirSync(at('.cache'), { recursive: true });
  for (let tries = 0; !tryMkdir(lock); tries++) {
    const pid = Number(read(owner));
    if (pid ? !isAlive(pid) : tries > 20) removeAll(lock);
    else if (tries === 5) say(`waiting for another run${pid ? ` (pid ${pid})` : ''} to finish building`);
    await sleep(200);
  }
  fs.writeFileSync(owner, String(process.pid));
  try {
    work();
  } finally {
    removeAll(lock);
  }
}

function tryMkdir(folder) {
  try {
    fs.mkdirSync(folder);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

function removeAll(...folders) {
  for (const folder of folders) fs.rmSync(folder, { recursive: true, force: true });
}

function isAlive(pid) {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
}

// stdout belongs to the command that is run afterwards; everything said on the way goes to stderr.
function run(command, options) {
  const { status, error } = spawnSync(command, options, { stdio: ['ignore', 2, 2] });
  if (error) throw error;
  if (status !== 0) throw new Error(`failed: ${[command, ...options].map((part) => path.basename(part)).join(' ')}`);
}

function hashOfLock() {
  return createHash('sha256')
    .update(read(at('package-lock.json')) ?? '')
    .digest('hex');
}

function read(file) {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function mtime(file) {
  return fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function say(message) {
  process.stderr.write(`long-task: ${message}\n`);
}

function fail(error) {
  say(error.message);
  process.exit(1);
}
