import { open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Figure } from '../testkit/figures.js';
import { median, secondsOf } from '../testkit/speed.js';
import type { BenchInput } from './input.js';

/** What a preview reads of a file. */
const HEAD_BYTES = 1 << 20;
const PREVIEWS = 20;
/** After this time the threads that read heads have ended. */
const REST_MS = 6_000;
const LIMIT_MS = 200;

/** Previews of the first MiB of the file, in two encodings: the first after a rest, and one after the other. */
export async function benchPreview({ workspace, file }: BenchInput): Promise<Figure[]> {
  const text = await headOf(file);
  const heads = {
    'UTF-8': Buffer.from(text),
    'windows-1252': Buffer.from(text.replaceAll('Europe', 'Éurope'), 'latin1'),
  };
  const figures: Figure[] = [];
  for (const [encoding, head] of Object.entries(heads)) {
    await sleep(REST_MS);
    const first = await previewMs(workspace.client.api, head);
    const further: number[] = [];
    while (further.length < PREVIEWS) further.push(await previewMs(workspace.client.api, head));
    const slowest = Math.max(first, ...further);
    figures.push({
      name: `preview of the first MiB in ${encoding}, after a rest and then p50 of ${PREVIEWS}; the slowest`,
      measured: [first, median(further), slowest].map((ms) => `${ms.toFixed(0)} ms`).join(', '),
      asked: `≤ ${LIMIT_MS} ms`,
      holds: slowest <= LIMIT_MS,
    });
  }
  return figures;
}

async function headOf(file: string): Promise<string> {
  const handle = await open(file);
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
  await handle.close();
  return buffer.toString('utf8', 0, bytesRead);
}

async function previewMs(api: string, body: Buffer): Promise<number> {
  const seconds = await secondsOf(async () => {
    const headers = { 'content-type': 'text/csv' };
    const answer = await fetch(`${api}/upload/preview?user_id=bench`, { method: 'POST', body, headers });
    if (!answer.ok) throw new Error(`a preview was answered ${answer.status}`);
    await answer.arrayBuffer();
  });
  return 1_000 * seconds;
}
