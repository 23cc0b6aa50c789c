import type { Store, StoreFile } from '../storage/store.js';
import { damaged, unreadableZip } from './unpack-head.js';

/** The packed bytes of the one file of an archive, both ends included; its size unpacked, and its CRC-32. */
export interface ZipEntry {
  start: number;
  end: number;
  size: number;
  sum: number;
}

// The records of a ZIP archive (APPNOTE.TXT, 4.3): signatures and fixed lengths.
const LOCAL = 30;
const CENTRAL = { signature: 0x02014b50, length: 46 };
const END = { signature: 0x06054b50, length: 22 };
const MAX_COMMENT = 0xffff;
const DEFLATED = 8;
/** A value that is in an extra field: the archive is larger than 4 GiB (4.3.9.2). */
const ELSEWHERE = 0xffffffff;
/** Its list of files may take so many bytes. */
const MAX_LIST = 1 << 20;

/**
 * Finds the one file of an archive; folders, and what macOS adds for itself, do not count.
 * @throws {TaskError} not_a_text_file
 */
export async function findZipEntry(store: Store, key: string): Promise<ZipEntry> {
  const file = await store.open(key);
  try {
    const files = (await listOf(file)).filter(({ name }) => !name.endsWith('/') && !name.startsWith('__MACOSX/'));
    const [one, ...others] = files;
    if (!one || others.length > 0 || one.method !== DEFLATED || one.isEncrypted) throw unreadableZip();
    const local = await readAt(file, one.offset, LOCAL);
    const start = one.offset + LOCAL + local.readUInt16LE(26) + local.readUInt16LE(28);
    if (one.packed === 0 || start + one.packed > file.size) throw damaged('zip');
    return { start, end: start + one.packed - 1, size: one.size, sum: one.sum };
  } finally {
    await file.close();
  }
}

interface Listed {
  name: string;
  method: number;
  isEncrypted: boolean;
  packed: number;
  size: number;
  sum: number;
  offset: number;
}

async function listOf(file: StoreFile): Promise<Listed[]> {
  const tailFrom = Math.max(0, file.size - END.length - MAX_COMMENT);
  const tail = await readAt(file, tailFrom, file.size - tailFrom);
  let at = tail.length - END.length;
  while (at >= 0 && tail.readUInt32LE(at) !== END.signature) at--;
  if (at < 0) throw damaged('zip');
  const size = tail.readUInt32LE(at + 12);
  const offset = tail.readUInt32LE(at + 16);
  if (offset === ELSEWHERE || size > MAX_LIST) throw unreadableZip();
  return entriesOf(await readAt(file, offset, size));
}

function entriesOf(list: Buffer): Listed[] {
  const entries: Listed[] = [];
  for (let at = 0; at + CENTRAL.length <= list.length; ) {
    if (list.readUInt32LE(at) !== CENTRAL.signature) throw damaged('zip');
    const [name, extra, comment] = [28, 30, 32].map((place) => list.readUInt16LE(at + place)) as [
      number,
      number,
      number,
    ];
    const entry = {
      name: list.toString('utf8', at + CENTRAL.length, at + CENTRAL.length + name),
      method: list.readUInt16LE(at + 10),
      isEncrypted: (list.readUInt16LE(at + 8) & 1) === 1,
      sum: list.readUInt32LE(at + 16),
      packed: list.readUInt32LE(at + 20),
      size: list.readUInt32LE(at + 24),
      offset: list.readUInt32LE(at + 42),
    };
    if ([entry.packed, entry.size, entry.offset].includes(ELSEWHERE)) throw unreadableZip();
    entries.push(entry);
    at += CENTRAL.length + name + extra + comment;
  }
  return entries;
}

async function readAt(file: StoreFile, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const read = await file.read(buffer, position);
  if (read < length) throw damaged('zip');
  return buffer;
}
