import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { unpack } from '../../src/intake/unpack.js';
import { chunks, store, useStore } from '../storage/support.js';
import { zipped } from '../support/zipped.js';
import { MIB } from './support.js';

useStore();

/** How many bytes a packed file unpacks to; the code of the error, where it is refused. */
async function unpacked(content: Buffer, packing: 'gzip' | 'zip', maxBytes = 2 ** 30): Promise<number | string> {
  const { size } = await store.put('uploads/packed', chunks(content));
  let bytes = 0;
  try {
    for await (const chunk of unpack(store, { key: 'uploads/packed', size, packing, maxBytes })) bytes += chunk.length;
    return bytes;
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
