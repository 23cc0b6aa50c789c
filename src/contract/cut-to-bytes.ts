/**
 * Cuts a text on a character border to at most `most` bytes of UTF-8: for names whose length others count in bytes.
 */
export function cutToBytes(text: string, most: number): string {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length <= most) return text;
  let end = most;
  while ((bytes[end]! & 0xc0) === 0x80) end--; // The bytes of a character after its first one.
  return bytes.toString('utf8', 0, end);
}
