import pino, { type Logger } from 'pino';
import pretty from 'pino-pretty';

export type { Logger } from 'pino';

/**
 * A log on stderr: one JSON object per line, or readable lines on a terminal. Passwords in connection strings are left out
 * wherever they stand.
 */
export function createLogger(level: string, name: string): Logger {
  const destination = process.stderr.isTTY
    ? pretty({ destination: 2, ignore: 'pid,hostname' })
    : pino.destination({ fd: 2, sync: true });
  const hide = { write: (line: string) => destination.write(withoutPasswords(line)) };
  return pino({ name, level, timestamp: pino.stdTimeFunctions.isoTime }, hide);
}

/** The text with the password of every URL in it replaced (RFC 3986, 3.2.1: userinfo). */
export function withoutPasswords(text: string): string {
  return text.includes('://') ? text.replace(/(\w:\/\/[^\s:/?#@"]*:)[^\s/"]*@/g, '$1***@') : text;
}
