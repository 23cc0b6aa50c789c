// The header of a member of a gzip file (RFC 1952, 2.3), and the sum and the size after it.
const FIXED = 10;
const FLAGS = { checksum: 2, extra: 4, name: 8, comment: 16 };
/** Bytes that hold any header but one with a very long name. */
export const MAX_GZIP_HEADER = 1 << 16;
export const GZIP_TRAILER = 8;

/** Returns the length of the header of a gzip member; null where no member begins, or its header is cut. */
export function gzipHeaderLength(bytes: Buffer): number | null {
  if (bytes.length < FIXED || bytes[0] !== 0x1f || bytes[1] !== 0x8b || bytes[2] !== 8) return null;
  const flags = bytes[3]!;
  let at = FIXED;
  if (flags & FLAGS.extra) at += 2 + (at + 2 <= bytes.length ? bytes.readUInt16LE(at) : 0);
  for (const flag of [FLAGS.name, FLAGS.comment]) if (flags & flag) at = afterNul(bytes, at);
  if (flags & FLAGS.checksum) at += 2;
  return at <= bytes.length ? at : null;
}

/** Whether a member begins, though its header is cut or unreadable. Other bytes after the last member are no data. */
export function beginsMember(bytes: Buffer): boolean {
  return bytes[0] === 0x1f && (bytes.length === 1 || bytes[1] === 0x8b);
}

function afterNul(bytes: Buffer, at: number): number {
  const nul = bytes.indexOf(0, at);
  return nul < 0 ? bytes.length + 1 : nul + 1;
}
