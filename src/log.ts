import pino, { type Logger } from 'pino';
import pretty from 'pino-pretty';

export type { Logger } from 'pino';

/**
 * Creates a log on stderr: one JSON object per line, or readable lines on a terminal. Masks passwords in URLs anywhere
 * in a line.
 */
export function createLogger(level: string, name: string): Logger {
  const destination = process.stderr.isTTY
    ? pretty({ destination: 2, ignore: 'pid,hostname' })
    : pino.destination({ fd: 2, sync: true });
  const hide = { write: (line: string) => destination.write(withoutPasswords(line)) };
  return pino({ name, level, timestamp: pino.stdTimeFunctions.isoTime, serializers: { err: withoutContents } }, hide);
}

/** What a log line says of an error. */
export interface LoggedError {
  type?: string;
  code?: string | number;
  message?: string;
  /** Of an error of PostgreSQL: the function of the server that raised it. */
  routine?: string;
  stack?: string;
  cause?: LoggedError;
}

/**
 * Returns what a log may say of an error: its kind, its place in the code, and the message where that cannot quote a
 * file. PostgreSQL's messages quote values, ours name columns, JavaScript's quote keys.
 */
export function withoutContents(error: unknown): LoggedError {
  if (typeof error !== 'object' || error === null) return { type: typeof error };
  const { name, code, message, routine, stack, cause } = error as LoggedError & { name?: string };
  return {
    ...(error instanceof Error && { type: error.constructor.name || name }),
    ...(code !== undefined && { code }),
    ...(message !== undefined && !mayQuote(error) && { message }),
    ...(routine !== undefined && { routine }),
    ...(stack && { stack: framesOf(stack, message) }),
    ...(cause !== undefined && { cause: withoutContents(cause) }),
  };
}

const QUOTING = new Set(['TaskError', 'DatabaseError', 'TypeError', 'RangeError', 'SyntaxError', 'URIError']);

/**
 * Tells by name or code: a SQLSTATE (the system's five-character codes begin with E), or one of Node's
 * (ERR_INVALID_ARG_VALUE) or csv-parse's (CSV_…).
 */
function mayQuote(error: object): boolean {
  const { name, code } = error as { name?: string; code?: unknown };
  if (QUOTING.has(name ?? '') || QUOTING.has(error.constructor.name)) return true;
  return typeof code === 'string' && (/^(?!E)[0-9A-Z]{5}$/.test(code) || /^(ERR|CSV)_/.test(code));
}

/** Returns the lines of a stack after the message, which may hold lines of any kind. */
function framesOf(stack: string, message = ''): string {
  const at = stack.indexOf(message);
  const frames = stack.slice(at < 0 ? 0 : at + message.length);
  return frames
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .join('\n');
}

/** The text with the password of every URL in it replaced (RFC 3986, 3.2.1: userinfo). */
export function withoutPasswords(text: string): string {
  return text.includes('://') ? text.replace(/(\w:\/\/[^\s:/?#@"]*:)[^\s/"]*@/g, '$1***@') : text;
}
