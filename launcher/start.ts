/**
 * `npm start`: everything that Long-Task needs, on this machine. Starts PostgreSQL and Temporal where none is
 * configured, then worker and API, keeps them running, and stops them in order on SIGTERM or Ctrl-C. stdout gets one
 * block with the addresses, stderr the log lines. Exit status 0 after an orderly stop, 1 after an error of one line.
 */
import path from 'node:path';
import { loadStarterConfig, type StarterConfig } from './config.js';
import { openOutput } from './output.js';
import { claimDataDir, type Services, servicesFile, writeServices } from './services-file.js';
import { describeStack, type Stack, startStack, stopStack } from './stack.js';

const stopping = new AbortController();
const hurry = new AbortController();
listenForSignals();

try {
  await run(loadStarterConfig());
} catch (error) {
  process.stderr.write(`long-task: ${(error as Error).message.replaceAll('\n', '\nlong-task: ')}\n`);
  process.exitCode = 1;
}
// Handles that a dependency still holds must not keep the process alive: everything that matters has stopped.
process.exit();

async function run(config: StarterConfig): Promise<void> {
  const output = openOutput(config.LOG_LEVEL);
  const release = await claimDataDir(config.DATA_DIR, (message) => output.log.info(message));
  const stack: Stack = {};
  let isReady = false;
  const publish = () => {
    if (isReady) writeServices(config.DATA_DIR, describeStack(stack, config));
  };
  try {
    await startStack({ config, output, stack, signal: stopping.signal, onChange: publish });
    isReady = true;
    publish();
    process.stdout.write(welcome(describeStack(stack, config), config));
    await untilStopped();
  } catch (error) {
    if (!stopping.signal.aborted) throw error;
  } finally {
    isReady = false;
    await stopStack(stack, hurry.signal, output.log);
    release();
  }
}

function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    if (stopping.signal.aborted) resolve();
    else stopping.signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function listenForSignals(): void {
  let firstAt = 0;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      firstAt ||= Date.now();
      stopping.abort();
      // One Ctrl-C arrives twice, from the terminal and from npm; a second one comes later.
      if (signal === 'SIGINT' && Date.now() - firstAt > 1000) hurry.abort();
    });
  }
}

function welcome(services: Services, config: StarterConfig): string {
  const database = new URL(services.database_url);
  const hasPassword = Boolean(database.password);
  database.password = '';
  const rows = [
    ['API', services.api],
    ['Temporal Web UI', services.temporal_ui ?? '(the one of your Temporal server)'],
    ['Temporal', services.temporal],
    ['PostgreSQL', `${database.href}${hasPassword ? ' (its password is in the file below)' : ''}`],
    ['Addresses', path.relative(process.cwd(), servicesFile(config.DATA_DIR)) || servicesFile(config.DATA_DIR)],
  ];
  const lines = rows.map(([name, value]) => `  ${name?.padEnd(16)} ${value}`);
  return `\nLong-Task is ready. Ctrl-C stops it; the next start continues where it stopped.\n\n${lines.join('\n')}\n\n`;
}
