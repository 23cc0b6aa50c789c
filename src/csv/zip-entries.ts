/** A file or a folder in a ZIP archive, as the header before it says (APPNOTE.TXT, 4.3.7). */
export interface ZipEntry {
  name: string;
  method: number;
  isEncrypted: boolean;
  /** Its bytes as they are packed, as far as they are there. */
  packed: Buffer;
}

const HEADER = 30;
const [FILE, DIRECTORY] = [0x04034b50, 0x02014b50];
const FLAGS = { encrypted: 1, sizesFollow: 8 };
/** In place of a size that an extra field has, of 8 bytes. */
const ELSEWHERE = 0xffffffff;
const ZIP64 = 1;

/** Whether an entry counts: folders do not, nor what macOS adds for itself. */
export function isZippedFile(name: string): boolean {
  return !name.endsWith('/') && !name.startsWith('__MACOSX/');
}

/** Lists the entries of an archive by its first bytes, up to the one that they cut. */
export function* zipEntries(head: Uint8Array): Generator<ZipEntry> {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.byteLength);
  let at: number | undefined = 0;
  while (at !== undefined && isAt(bytes, at, FILE) && at + HEADER <= bytes.length) {
    const extra: number = at + HEADER + bytes.readUInt16LE(at + 26);
    const start: number = extra + bytes.readUInt16LE(at + 28);
    if (start > bytes.length) return;
    const flags = bytes.readUInt16LE(at + 6);
    const size = sizeOf(bytes, at, bytes.subarray(extra, start));
    const isUnknown = size === 0 && (flags & FLAGS.sizesFollow) !== 0;
    const place: Place | undefined = isUnknown ? findEnd(bytes, start) : placeOf(bytes, start, size);
    yield {
      // With slashes, as yauzl has it.
      name: bytes.toString('latin1', at + HEADER, extra).replaceAll('\\', '/'),
      method: bytes.readUInt16LE(at + 8),
      isEncrypted: (flags & FLAGS.encrypted) !== 0,
      packed: bytes.subarray(start, place?.end),
    };
    at = place?.next;
  }
}

/** Where the bytes of an entry end, and where the next one begins. */
interface Place {
  end: number;
  next?: number;
}

/** The packed size; 0 also where it follows the entry. */
function sizeOf(bytes: Buffer, at: number, extras: Buffer): number {
  const size = bytes.readUInt32LE(at + 18);
  if (size !== ELSEWHERE) return size;
  for (let field = 0; field + 4 <= extras.length; field += 4 + extras.readUInt16LE(field + 2)) {
    const place = field + 4 + (bytes.readUInt32LE(at + 22) === ELSEWHERE ? 8 : 0);
    if (extras.readUInt16LE(field) === ZIP64 && place + 8 <= extras.length)
      return Number(extras.readBigUInt64LE(place));
  }
  return size;
}

/** A descriptor may be between an entry and the next one, in one of four lengths. */
function placeOf(bytes: Buffer, start: number, size: number): Place {
  const end = start + size;
  return { end, next: [0, 12, 16, 20, 24].map((length) => end + length).find((next) => isAt(bytes, next, FILE)) };
}

/** Finds the descriptor, with its signature or without, which has the size of the bytes before it. */
function findEnd(bytes: Buffer, start: number): Place | undefined {
  for (let at = bytes.indexOf('PK', start); at >= 0; at = bytes.indexOf('PK', at + 1)) {
    if (!isAt(bytes, at, FILE) && !isAt(bytes, at, DIRECTORY)) continue;
    const between = at - start;
    if (between === 0) return { end: start, next: at };
    const short = between >= 12 ? bytes.readUInt32LE(at - 8) : undefined;
    const long = between >= 20 ? Number(bytes.readBigUInt64LE(at - 16)) : undefined;
    const length = [12, 16].find((one) => short === between - one) ?? [20, 24].find((one) => long === between - one);
    if (length !== undefined) return { end: at - length, next: at };
  }
  return undefined;
}

function isAt(bytes: Buffer, at: number, signature: number): boolean {
  return at + 4 <= bytes.length && bytes.readUInt32LE(at) === signature;
}
