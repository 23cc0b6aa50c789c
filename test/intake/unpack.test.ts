import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { unpack } from '../../src/intake/unpack.js';
import { chunks, store, useStore } from '../storage/support.js';
import { zipped } from '../support/zipped.js';
import { MIB } from './support.js';

useStore();

/** What a packed file unpacks to, in chunks. */
async function chunksOf(content: Buffer, packing: 'gzip' | 'zip', maxBytes = 2 ** 30): Promise<Buffer[]> {
  const { size } = await store.put('uploads/packed', chunks(content));
  const all: Buffer[] = [];
  for await (const chunk of unpack(store, { key: 'uploads/packed', size, packing, maxBytes })) all.push(chunk);
  return all;
}

/** How many bytes a packed file unpacks to; the code of the error, where it is refused. */
async function unpacked(content: Buffer, packing: 'gzip' | 'zip', maxBytes?: number): Promise<number | string> {
  try {
    return Buffer.concat(await chunksOf(content, packing, maxBytes)).length;
  } catch (error) {
    return (error as { code: string }).code;
  }
}

const ROWS = (mib: number) => 'a,b\n'.repeat((mib * MIB) / 4);
const PACKED = {
  gzip: (text: string) => gzipSync(text),
  zip: (text: string) => zipped('data.csv', text),
};

it.each(['gzip', 'zip'] as const)('refuses a %s file that unpacks to more than 64 MiB, at any ratio', async (kind) => {
  expect(await unpacked(PACKED[kind](ROWS(64)), kind)).toBe(64 * MIB);
  expect(await unpacked(PACKED[kind](ROWS(65)), kind)).toBe('file_too_large');
});

it.each(['gzip', 'zip'] as const)('refuses a %s file that unpacks to more than MAX_UPLOAD_BYTES', async (kind) => {
  expect(await unpacked(PACKED[kind](ROWS(1)), kind, MIB)).toBe(MIB);
  expect(await unpacked(PACKED[kind](ROWS(1)), kind, MIB - 1)).toBe('file_too_large');
});

it('many members of a gzip file count together', async () => {
  const member = gzipSync(ROWS(16));
  expect(await unpacked(Buffer.concat([member, member, member, member]), 'gzip')).toBe(64 * MIB);
  expect(await unpacked(Buffer.concat([member, member, member, member, gzipSync('x')]), 'gzip')).toBe('file_too_large');
});

it.each(['gzip', 'zip'] as const)('a %s file that is cut off, or has a wrong sum, is refused', async (kind) => {
  const packed = PACKED[kind](ROWS(1));
  expect(await unpacked(packed.subarray(0, packed.length - 9), kind)).toBe('not_a_text_file');
  const changed = Buffer.from(packed);
  // The sum: of gzip 8 bytes before the end, of a ZIP archive in the directory.
  const at = kind === 'gzip' ? packed.length - 8 : packed.indexOf('PK\x01\x02') + 16;
  changed[at]! ^= 1;
  expect(await unpacked(changed, kind)).toBe('not_a_text_file');
});

it('members of any length come one after the other, and a header may have a name', async () => {
  const random = (bytes: number) => randomBytes(bytes / 2).toString('hex');
  const texts = ['a', '', random(200_000), '', ROWS(3), 'b', random(60_000), ROWS(2), random(300_000), 'c', ROWS(1)];
  const named = Buffer.concat([Buffer.from('\x1f\x8b\x08\x08', 'latin1'), Buffer.alloc(6), Buffer.from('x.csv\0')]);
  const members = texts.map((text) => gzipSync(text));
  const last = Buffer.concat([named, gzipSync('d').subarray(10)]);
  const all = Buffer.concat(await chunksOf(Buffer.concat([...members, last]), 'gzip'));
  expect(all.equals(Buffer.from(`${texts.join('')}d`))).toBe(true);
});

it('a gzip file that is cut off in a later member is refused, wherever it is cut', async () => {
  const [first, second] = [gzipSync(ROWS(1)), gzipSync('a,b\n')];
  for (let length = 1; length < second.length; length++) {
    expect(await unpacked(Buffer.concat([first, second.subarray(0, length)]), 'gzip')).toBe('not_a_text_file');
  }
  const unknown = Buffer.from('\x1f\x8b\x07 some other packing', 'latin1');
  expect(await unpacked(Buffer.concat([first, unknown]), 'gzip')).toBe('not_a_text_file');
});

it.each(['\0', '\0'.repeat(1000), 'signature', '\x1f\x00', '\x8b\x1f'])(
  '%j after the last member is no data',
  async (rest) => {
    expect(await unpacked(Buffer.concat([gzipSync(ROWS(1)), Buffer.from(rest, 'latin1')]), 'gzip')).toBe(MIB);
  },
);

it.each(['', 'a,b\n'])('takes 0.1 ms at most for a member of %j, and gives its caller turns', async (text) => {
  const many = Buffer.concat(Array(20_000).fill(gzipSync(text)));
  const before = process.cpuUsage();
  const all = await chunksOf(many, 'gzip');
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1000).toBeLessThan(2_000);
  expect(all.length).toBeGreaterThanOrEqual(20);
  expect(Buffer.concat(all).length).toBe(20_000 * text.length);
});
