import type { Newline } from './file-dialect.js';

export interface NewlineCounts {
  lf: number;
  crlf: number;
  crcrlf: number;
  cr: number;
}

/** Counts the line ends of the text, those inside of quotes too; `final` says that a CR at the end is one. */
export function countNewlines(text: string, final: boolean): NewlineCounts {
  const counts: NewlineCounts = { lf: 0, crlf: 0, crcrlf: 0, cr: 0 };
  for (const [end] of text.matchAll(/\r\r\n|\r\n|\n|\r/g)) {
    if (end === '\n') counts.lf++;
    else if (end === '\r\n') counts.crlf++;
    else if (end === '\r\r\n') counts.crcrlf++;
    else counts.cr++;
  }
  if (!final && text.endsWith('\r')) counts.cr--;
  return counts;
}

/**
 * Says which line ends the text has, most likely first. A CR alone among LFs may be data, so that `mixed` comes
 * after the plain reading and wins only where it splits the records better.
 */
export function newlineReadings(counts: NewlineCounts): Newline[] {
  const { lf, crlf, crcrlf, cr } = counts;
  const feeds = lf + crlf + crcrlf;
  if (feeds === 0) return cr > 0 ? ['\r'] : ['\n'];
  const plain: Newline = crcrlf * 2 > feeds ? '\r\r\n' : crlf >= lf && crlf > 0 ? '\r\n' : '\n';
  if (cr === 0) return crcrlf > 0 ? ['\r\r\n'] : [plain];
  return crcrlf > 0 ? ['\r\r\n', 'mixed'] : [plain, 'mixed'];
}
