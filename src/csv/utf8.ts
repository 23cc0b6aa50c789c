/**
 * Index of the first byte that does not belong to a well-formed UTF-8 sequence, -1 if there is none. Table 3-7 of the
 * Unicode Standard. Only for locating: `isUtf8` of node:buffer finds out natively whether there is one.
 */
export function firstInvalidUtf8(bytes: Uint8Array, start: number, end: number): number {
  let i = start;
  while (i < end) {
    const lead = bytes[i];
    const length = sequenceLength(lead);
    if (length === 0 || i + length > end) return i;
    if (length > 1 && !secondFits(lead, bytes[i + 1])) return i;
    for (let k = 2; k < length; k++) if ((bytes[i + k] & 0xc0) !== 0x80) return i;
    i += length;
  }
  return -1;
}

function sequenceLength(lead: number): number {
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return 2;
  if (lead >= 0xe0 && lead <= 0xef) return 3;
  return lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
}

/** No overlong forms, no surrogates, nothing above U+10FFFF. */
function secondFits(lead: number, second: number): boolean {
  const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  return second >= low && second <= high;
}
