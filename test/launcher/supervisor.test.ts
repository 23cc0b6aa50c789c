import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { isAlive } from '../../launcher/pids.js';
import { startProcess } from '../../launcher/processes.js';
import { supervise } from '../../launcher/supervisor.js';

const node = (script: string) =>
  startProcess({ command: process.execPath, args: ['-e', script], output: () => {}, stop: { graceMs: 300 } });

const forever = 'setInterval(() => {}, 1000)';

test('what is killed runs again as another process, what is stopped does not', async () => {
  const messages: string[] = [];
  const pids: number[] = [];
  const part = await supervise({
    name: 'the part',
    start: () => node(forever),
    log: (message) => messages.push(message),
    onStart: ({ pid }) => pids.push(pid),
  });
  process.kill(part.current.pid, 'SIGKILL');
  await expect.poll(() => pids.length, { timeout: 5000 }).toBe(2);
  expect(part.unexpectedEnds).toBe(1);
  expect(messages[0]).toBe('the part ended unexpectedly (signal SIGKILL), starting it again');
  await part.stop();
  await sleep(300);
  expect(pids.map(isAlive)).toEqual([false, false]);
});

test('what ends at once is started again with growing pauses', async () => {
  const starts: number[] = [];
  const start = () => {
    starts.push(Date.now());
    return node('process.exit(1)');
  };
  const part = await supervise({ name: 'the part', start, log: () => {} });
  await sleep(1500);
  await part.stop();
  expect(starts.length).toBeGreaterThan(2);
  expect(starts.length).toBeLessThan(7);
});

test('a first start that fails is an error, a later one is tried again', async () => {
  await expect(supervise({ name: 'x', start: () => Promise.reject(new Error('no')), log: () => {} })).rejects.toThrow(
    'no',
  );
  let starts = 0;
  const start = () => (++starts === 2 ? Promise.reject(new Error('not yet')) : node(forever));
  const messages: string[] = [];
  const part = await supervise({ name: 'the part', start, log: (message) => messages.push(message) });
  process.kill(part.current.pid, 'SIGKILL');
  await expect.poll(() => starts, { timeout: 5000 }).toBe(3);
  expect(messages).toContain('the part could not be started: not yet');
  await part.stop();
});

test('what does not listen to SIGTERM is ended by SIGKILL, at once when there is a hurry', async () => {
  const deaf = await node(`process.on('SIGTERM', () => {}); ${forever}`);
  await sleep(200);
  const began = Date.now();
  await deaf.stop(AbortSignal.abort());
  expect(await deaf.exited).toBe('signal SIGKILL');
  expect(Date.now() - began).toBeLessThan(250);
});
