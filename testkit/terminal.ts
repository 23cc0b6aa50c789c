import { SingleBar } from 'cli-progress';

const isTerminal = Boolean(process.stdout.isTTY);

/** Shows the way from 0 to 100 per cent. */
export interface Progress {
  /** `note` follows the bar. */
  update(percent: number, note?: string): void;
  end(): void;
}

/** A progress bar on a terminal; elsewhere a line at each quarter. */
export function showProgress(label: string): Progress {
  return isTerminal ? showBar(label) : showLines(label);
}

function showBar(label: string): Progress {
  const format = `  ${label.padEnd(22)} {bar} {percentage}% {note}`;
  const bar = new SingleBar({
    format,
    barsize: 32,
    hideCursor: true,
    clearOnComplete: false,
    barCompleteChar: '█',
    barIncompleteChar: '░',
  });
  bar.start(100, 0, { note: '' });
  return {
    update: (percent, note = '') => bar.update(Math.floor(percent), { note: note.padEnd(44) }),
    end: () => bar.stop(),
  };
}

function showLines(label: string): Progress {
  let shown = -1;
  return {
    update: (percent, note = '') => {
      const quarter = Math.floor(percent / 25);
      if (quarter <= shown) return;
      shown = quarter;
      say(`${label}: ${Math.floor(percent)} % ${note}`);
    },
    end: () => {},
  };
}

/** A heading of a step. */
export function heading(text: string): void {
  console.log(`\n${bold(text)}`);
}

/** A line of a step. */
export function say(text: string): void {
  console.log(`  ${text}`);
}

/** What was found, one line each, and whether all of it is as promised. */
export class Checks {
  #failed = 0;

  get failed(): number {
    return this.#failed;
  }

  /** `seen` is what was found; shown in either case. */
  check(text: string, holds: boolean, seen?: unknown): void {
    if (!holds) this.#failed++;
    const mark = holds ? paint('✓', 32) : paint('✗ DOES NOT HOLD:', 31);
    say(`${mark} ${text}${seen === undefined ? '' : paint(`  ${seen}`, 2)}`);
  }

  /** The lines of `differences` must be none. */
  checkSame(text: string, found: string[]): void {
    this.check(text, found.length === 0, found.slice(0, 5).join('; ') || undefined);
  }
}

export function bold(text: string): string {
  return paint(text, 1);
}

function paint(text: string, code: number): string {
  return isTerminal && !process.env.NO_COLOR ? `\x1b[${code}m${text}\x1b[0m` : text;
}

/** 2000000 → 2,000,000 */
export function count(value: number): string {
  return value.toLocaleString('en-US');
}

/** Bytes as MB (10^6). */
export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}

/** Milliseconds, whole. */
export function milliseconds(value: number): string {
  return `${value.toFixed(0)} ms`;
}
