import { createReadStream, createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { TaskName } from '../src/client/client.js';
import { type Figure, limitFigure } from '../testkit/figures.js';
import { peakMemory } from '../testkit/memory.js';
import { dropTables, median, runToCompleted, secondsOf, settle } from '../testkit/speed.js';
import { say } from '../testkit/terminal.js';
import type { BenchInput } from './input.js';
import { replaceWorker } from './replace-worker.js';

/** How the file is written. Its characters are all in Latin-1, which windows-1252 has in the same places. */
const ENCODINGS: Record<string, (plain: string, target: string) => Promise<void>> = {
  'windows-1252': (plain, target) => encoded(plain, target, 'latin1'),
  'UTF-16': (plain, target) => encoded(plain, target, 'utf16le', '\ufeff'),
  gzip: (plain, target) => pipeline(createReadStream(plain), createGzip({ level: 1 }), createWriteStream(target)),
};

const MOST_TIMES = 1.5;
const LIMIT_MIB = 256;

/** Uploads of the same rows in other encodings against the plain file, in turns, and the worker's memory meanwhile. */
export async function benchEncodings({ workspace, file, rounds }: BenchInput & { rounds: number }): Promise<Figure[]> {
  const files: Record<string, string> = { plain: file };
  for (const [name, write] of Object.entries(ENCODINGS)) {
    files[name] = path.join(workspace.folder, `sales.${name}`);
    await write(file, files[name]);
  }
  const seconds: Record<string, number[]> = {};
  const peaks: Record<string, number | undefined> = {};
  for (let round = 0; round <= rounds; round++) {
    const said: string[] = [];
    for (const [name, source] of Object.entries(files)) {
      const worker = round === 0 ? await replaceWorker(workspace) : undefined;
      const key: TaskName = { user_id: 'encodings', task_name: `${name} ${round}` };
      await settle(workspace);
      const took = await secondsOf(() => runToCompleted(workspace, { kind: 'upload', ...key }, source));
      if (worker) peaks[name] = peakMemory(worker);
      else seconds[name] = [...(seconds[name] ?? []), took];
      said.push(`${name} ${took.toFixed(2)} s`);
      await dropTables(workspace.db, key);
    }
    say(`round ${round}${round === 0 ? ' (to warm up)' : ''}: ${said.join(', ')}`);
  }
  for (const name of Object.keys(ENCODINGS)) await rm(files[name]!);
  return Object.keys(ENCODINGS).flatMap((name) => [
    timesFigure(`upload in ${name} against the plain file`, median(seconds[name]!), median(seconds.plain!)),
    limitFigure(`peak resident memory of the worker, file in ${name}`, peaks[name], 'MiB', LIMIT_MIB),
  ]);
}

function timesFigure(name: string, took: number, plain: number): Figure {
  const times = took / plain;
  const measured = `${took.toFixed(2)} s against ${plain.toFixed(2)} s: ${times.toFixed(2)} ×`;
  return { name, measured, asked: `≤ ${MOST_TIMES} ×`, holds: times <= MOST_TIMES };
}

async function encoded(plain: string, target: string, encoding: BufferEncoding, mark = ''): Promise<void> {
  async function* bytes() {
    yield Buffer.from(mark, encoding);
    for await (const text of createReadStream(plain, 'utf8')) yield Buffer.from(text as string, encoding);
  }
  await pipeline(Readable.from(bytes()), createWriteStream(target));
}
