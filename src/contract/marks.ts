/** The delimiters of a file that the engine reads as it is, and of an export; the likeliest first. */
export const DELIMITERS = [',', ';', '\t', '|'] as const;

/** What ends a record in such a file. LF and CR LF are read alike (either ends one); CR is the old Macintosh form. */
export const NEWLINES = ['\n', '\r\n', '\r'] as const;

/** What ends a record in any file: `mixed` takes CR, LF and CR LF alike, the others LF with CRs before it, or CR. */
export const FILE_NEWLINES = [...NEWLINES, '\r\r\n', 'mixed'] as const;
export type Newline = (typeof FILE_NEWLINES)[number];

/** Whether a list has this text. */
export function isOneOf<T extends string>(list: readonly T[], text: string): text is T {
  return (list as readonly string[]).includes(text);
}
