import { describe, expect, it } from 'vitest';
import { BatchEncoder, type EncodedBatch, type Place } from '../../src/activities/batch-encoder.js';
import { PartReader } from '../../src/activities/part-reader.js';
import { RowChecker } from '../../src/activities/refused-rows.js';
import { createEngine } from '../../src/csv/engine.js';
import { RowSet } from '../../src/csv/row-set.js';
import { kernel } from '../../src/kernel/kernel.js';
import type { StoreFile } from '../../src/storage/store.js';
import type { TaskRow } from '../../src/tasks/tasks.js';

const ROWS = 2_000;
const content = Buffer.from(Array.from({ length: ROWS }, (_, i) => `${i},"row ${i}"\n`).join(''));
const START: Place = { byteOffset: 0, row: 1 };
const MOST = 1_000;

/** An encoder of the content with small buffers. @param before is awaited in each read */
function encoderOf(bytes = content, before: () => Promise<void> = async () => {}): BatchEncoder {
  const read = async (buffer: Uint8Array, position: number) => {
    await before();
    return bytes.copy(buffer, 0, position);
  };
  const file: StoreFile = { size: bytes.length, read, close: async () => {} };
  const dialect = { delimiter: ',', quote: '"' };
  const columns = ['a', 'b'].map((name) => ({ original: name, name, type: 'text' }));
  const task = { kind: 'upload', dialect, columns, options: {} } as unknown as TaskRow;
  const part = { partNo: 1, byteFrom: 0, byteTo: bytes.length, firstRow: 1, rows: ROWS, sha256: '' };
  return new BatchEncoder({
    reader: new PartReader(file, part, Buffer.alloc(10)),
    encoder: createEngine(kernel).encoder({ dialect: task.dialect as never, columns: 2 }),
    checker: new RowChecker(task, undefined),
    skip: new RowSet(),
    outs: [Buffer.alloc(2 * MOST), Buffer.alloc(2 * MOST)],
  });
}

function placeAfter({ byteOffset, consumed, firstRow, rows }: EncodedBatch): Place {
  return { byteOffset: byteOffset + consumed, row: firstRow + rows };
}

describe('a batch that is made ahead', () => {
  it('leaves the lines of the one at hand as they are, and is the one that follows', async () => {
    const encoder = encoderOf();
    let lines = '';
    for (let place = START; place.byteOffset < content.length; ) {
      const batch = await encoder.next(place, MOST);
      const before = batch.lines.toString();
      place = placeAfter(batch);
      if (place.byteOffset < content.length) encoder.prepare(place, MOST);
      await encoder.end();
      expect(batch.lines.toString()).toBe(before);
      lines += before;
    }
    expect(lines).toBe(Array.from({ length: ROWS }, (_, i) => `${i + 1}\t${i}\trow ${i}\n`).join(''));
  });

  it('is encoded again where the current one failed, or where the next one must be shorter', async () => {
    const encoder = encoderOf();
    const batch = await encoder.next(START, MOST);
    const lines = batch.lines.toString();
    encoder.prepare(placeAfter(batch), MOST);
    expect((await encoder.next(START, MOST)).lines.toString()).toBe(lines);
    encoder.prepare(placeAfter(batch), MOST);
    const shorter = await encoder.next(placeAfter(batch), MOST / 2);
    expect(shorter).toMatchObject({ firstRow: batch.rows + 1, byteOffset: batch.consumed });
    expect(shorter.consumed).toBeLessThan(MOST * 0.6);
  });

  it('is waited for before the buffers go', async () => {
    let proceed = () => {};
    const gate = new Promise<void>((resolve) => {
      proceed = resolve;
    });
    const encoder = encoderOf(content, () => gate);
    encoder.prepare(START, MOST);
    let ended = false;
    const ending = encoder.end().then(() => {
      ended = true;
    });
    await new Promise(setImmediate);
    expect(ended).toBe(false);
    proceed();
    await ending;
    expect((await encoder.next(START, MOST)).firstRow).toBe(1);
  });

  it('tells its error to whom asks for it, not before', async () => {
    const encoder = encoderOf(content, () => Promise.reject(new Error('no disk')));
    encoder.prepare(START, MOST);
    await encoder.end();
    await expect(encoder.next(START, MOST)).rejects.toThrow('no disk');
  });
});
