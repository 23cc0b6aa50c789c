import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Conversion, convertStored } from '../../src/intake/convert-stored.js';
import { findParts } from '../../src/intake/find-parts.js';
import { readHead } from '../../src/intake/read-head.js';
import { scanPart } from '../../src/intake/scan-part.js';
import type { StreamingInspections } from '../../src/intake/streaming-inspection.js';
import { createLocalStore } from '../../src/storage/local-store.js';
import { builtInspections } from '../support/built.js';
import { csv, MIB } from './support.js';

let folder: string;
let inspections: StreamingInspections;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'long-task-convert-'));
  inspections = await builtInspections();
});
afterAll(async () => {
  await inspections.close();
  await rm(folder, { recursive: true, force: true });
});

const WESTERN = Buffer.from(`id;name\r\n${'1;Stra\xdfe in einer Stadt\r\n'.repeat(700_000)}2\r\n3;x\r\n`, 'latin1');
const PLAIN = Buffer.from(`id;name\r\n${'1;a street in some town\r\n'.repeat(700_000)}2\r\n3;x\r\n`);

it.each([
  ['decoded and written again', WESTERN],
  ['unpacked', gzipSync(PLAIN, { level: 1 })],
])('a file has its parts, malformed rows too, as soon as it is %s', async (_, bytes) => {
  const store = createLocalStore(folder);
  const stored = await store.putHashed('uploads/source', [bytes] as never);
  const { packing, plain, reading } = readHead(bytes.subarray(0, MIB), bytes.length <= MIB);
  const job = { source: { key: 'uploads/source', ...stored }, into: 'results/a/b', packing, plain, reading, hints: {} };
  const answer = await convertStored(
    store,
    { ...job, maxBytes: 2 ** 30 },
    { csv, inspect: (text) => inspections.begin({ text }), onUnread: async () => {}, check: () => {} },
  );
  const { converted, parts } = answer as Conversion;
  const { key, size, dialect, dataOffset } = converted;
  const file = await store.open(key);
  const scanner = { scan: (one: Parameters<typeof scanPart>[1]) => scanPart(file, one, csv), close: async () => {} };
  const text = { key, size, dialect, dataOffset, hints: {}, columns: 2 };
  const found = findParts(scanner, text, { from: dataOffset, firstRow: 1 }, new AbortController().signal);
  const expected = [];
  for await (const part of found) expected.push(part);
  await file.close();
  expect(parts).toEqual(expected);
  expect(parts.map(({ rows, malformedCount }) => [rows > 1, malformedCount])).toEqual([
    [true, 0],
    [true, 1],
  ]);
});
