import { expect, it } from 'vitest';
import { readHead } from '../../src/intake/read-head.js';
import { archive, type Zipped } from '../support/zipped.js';

const CSV = 'a,b\n1,x\n2,y\n';
const file: Zipped = { name: 'data/x.csv', content: CSV };
const folder: Zipped = { name: 'data/' };
const mac: Zipped = { name: '__MACOSX/._x.csv', content: Buffer.from('\0\x05\x16\x07 of the Finder', 'latin1') };
const STREAMED = ['signed', 'bare', 'zip64'] as const;

it.each<[string, Zipped[]]>([
  ['in a folder', [folder, file]],
  ['in a folder of a folder', [{ name: 'all/' }, { name: 'all/data\\' }, file]],
  ['after what macOS adds', [mac, file]],
  ['after both', [folder, mac, file, { name: '__MACOSX/' }]],
  ['stored', [folder, { ...file, method: 0 }]],
  [
    'with long sizes',
    [
      { ...mac, zip64: true },
      { ...file, method: 0, zip64: true },
    ],
  ],
  ...STREAMED.flatMap((streamed): [string, Zipped[]][] => [
    [`deflated in a stream (${streamed})`, [{ ...file, streamed }]],
    [`stored in a stream (${streamed})`, [{ ...file, streamed, method: 0 }]],
    [`after a stream of macOS (${streamed})`, [{ ...mac, streamed }, { ...mac, streamed, method: 0 }, file]],
    [
      `after a folder of a stream (${streamed})`,
      [
        { ...folder, streamed },
        { ...file, streamed, method: 0 },
      ],
    ],
  ]),
])('reads the file of a ZIP archive %s', (_what, files) => {
  const { packing, headers, bytes } = readHead(archive(files), true);
  expect([packing, headers, bytes.toString()]).toEqual(['zip', ['a', 'b'], CSV]);
});

it('reads the beginning of a stored stream that the head cuts, with letters of a ZIP archive in it', () => {
  const content = `${CSV}${`3,PK\x03\x04 and then PK\x01\x02 among many letters that are text\n`.repeat(100)}`;
  const head = archive([folder, { ...file, content, method: 0, streamed: 'signed' }]).subarray(0, 500);
  const { bytes, headers } = readHead(head, false);
  expect([headers, content.startsWith(bytes.toString('latin1'))]).toEqual([['a', 'b'], true]);
});

it.each<[string, Zipped[]]>([
  ['only folders', [folder]],
  ['only what macOS adds', [mac]],
  ['a packing of another kind', [{ ...file, method: 12 as 8 }]],
])('refuses an archive of %s', (_what, files) => {
  expect(() => readHead(archive(files), true)).toThrow(/must hold one CSV file/);
});

it('reads any beginning of an archive, or refuses it with a reason', () => {
  const bytes = archive([folder, { ...mac, streamed: 'bare' }, { ...file, zip64: true }]);
  for (let length = 4; length < bytes.length; length++) {
    try {
      readHead(bytes.subarray(0, length), false);
    } catch (error) {
      expect(error).toMatchObject({ code: expect.any(String) });
    }
  }
});
