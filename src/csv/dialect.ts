import { DELIMITERS, NEWLINES } from '../contract/marks.js';
import type { Dialect } from '../contract/task.js';
import { csvError } from './csv-error.js';
import { type Grammar, grammarOf, RecordView, readRecord } from './record.js';

export type { Dialect };

const RECORDS = 200;

/**
 * Finds the dialect from the beginning of a file; the end of `head` may cut a record. The delimiter is the one that
 * splits the records most evenly, not the most frequent one; a single column reads as ','. A first line `sep=;`
 * (Excel) decides.
 * @throws {TaskError} unsupported_dialect for an override that is not supported
 */
export function detectDialect(head: Buffer, overrides: Partial<Pick<Dialect, 'delimiter' | 'newline'>> = {}): Dialect {
  assertSupported('delimiter', overrides.delimiter, DELIMITERS);
  assertSupported('newline', overrides.newline, NEWLINES);
  const bom = hasBom(head);
  const text = head.subarray(bom ? 3 : 0);
  const newline = overrides.newline ?? detectNewline(text);
  const delimiter = overrides.delimiter ?? separatorLine(text)?.delimiter ?? detectDelimiter(text, newline);
  return { encoding: 'utf-8', bom, delimiter, quote: '"', newline, header: true };
}

/** Whether the bytes begin with the UTF-8 byte order mark (3 bytes). */
export function hasBom(bytes: Uint8Array): boolean {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
}

/** The line `sep=;` that Excel writes and reads above the header, and its length in bytes with its line end. */
export function separatorLine(text: Buffer): { delimiter: Dialect['delimiter']; length: number } | undefined {
  const match = /^sep=([,;\t|])(\r\n|\n|\r)/i.exec(text.toString('latin1', 0, 8));
  return match ? { delimiter: match[1] as Dialect['delimiter'], length: match[0].length } : undefined;
}

function assertSupported(option: string, value: string | undefined, allowed: readonly string[]): void {
  if (value === undefined || allowed.includes(value)) return;
  const list = allowed.map((one) => JSON.stringify(one)).join(', ');
  throw csvError('unsupported_dialect', `The ${option} ${JSON.stringify(value)} is not supported. Use one of ${list}.`);
}

/** Counts line ends outside of quotes; a quote counts as opening only where a field could begin. */
function detectNewline(text: Buffer): Dialect['newline'] {
  const count = { '\n': 0, '\r\n': 0, '\r': 0 };
  let first: Dialect['newline'] | undefined;
  let quoted = false;
  let closedAt = -2;
  for (let i = 0; i < text.length; i++) {
    const byte = text[i];
    if (byte === 34 && quoted) {
      quoted = false;
      closedAt = i;
    } else if (byte === 34) quoted = closedAt === i - 1 || i === 0 || startsField(text[i - 1]);
    else if (!quoted && (byte === 10 || (byte === 13 && i + 1 < text.length))) {
      const newline = byte === 10 ? '\n' : text[i + 1] === 10 ? '\r\n' : '\r';
      count[newline]++;
      first ??= newline;
      if (newline === '\r\n') i++;
    }
  }
  const feeds = count['\n'] + count['\r\n'];
  if (feeds === 0) return count['\r'] > 0 || text.at(-1) === 13 ? '\r' : '\n';
  // Values may hold a bare CR, headers hardly do: only a file whose header ends in one is a CR file.
  if (first === '\r' && count['\r'] >= feeds) return '\r';
  return count['\r\n'] > count['\n'] ? '\r\n' : '\n';
}

function startsField(previous: number): boolean {
  return previous === 10 || previous === 13 || previous === 44 || previous === 59 || previous === 9 || previous === 124;
}

function detectDelimiter(text: Buffer, newline: Dialect['newline']): Dialect['delimiter'] {
  let best: { delimiter: Dialect['delimiter']; score: number } = { delimiter: ',', score: 0 };
  for (const delimiter of DELIMITERS) {
    const score = evenness(text, grammarOf({ delimiter, newline }));
    if (score > best.score) best = { delimiter, score };
  }
  return best.delimiter;
}

/** 0 when the header has one field; else how many of the records have its number of fields, weighed by that number. */
function evenness(text: Buffer, grammar: Grammar): number {
  const view = new RecordView(0);
  const whole = text.lastIndexOf(grammar.eol);
  const bytes = whole < 0 ? Buffer.concat([text, Buffer.of(grammar.eol)]) : text;
  const limit = whole < 0 ? text.length : whole;
  let header = 0;
  let headerShare = 1;
  let records = 0;
  let even = 0;
  for (let at = 0; at <= limit && records < RECORDS && readRecord(bytes, at, limit, grammar, view); at = view.next) {
    if (view.end === view.start) continue;
    if (header === 0) {
      header = view.fields;
      if (view.stray > 0) headerShare = 0.5;
    } else {
      records++;
      if (view.fields === header && view.stray === 0) even++;
    }
  }
  if (header < 2) return 0;
  const share = headerShare * (records === 0 ? 1 : even / records);
  return share * share * Math.log2(header + 1);
}
