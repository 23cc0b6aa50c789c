import type { Running } from '../launcher/processes.js';
import type { Fixture } from './fixture.js';
import type { Finding } from './oracle.js';

/** A fault of the matrix, and how it is made. */
export interface Scenario {
  /** Its number in the matrix: `F1`. */
  fault: string;
  place: string;
  /** For the docs, one sentence. */
  how: string;
  run(fixture: Fixture): Promise<Finding>;
}

/** Collects what does not hold. */
export class Violations {
  readonly found: string[] = [];

  expect(holds: boolean, what: string): void {
    if (!holds) this.found.push(what);
  }

  add(lines: string[]): void {
    this.found.push(...lines);
  }
}

/** Whether it ended within the time: the void guard of faults that end or freeze a process. */
export function endsWithin(process: Running, milliseconds: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), milliseconds);
    void process.exited.then(() => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}

/** Seconds since a `performance.now()`. */
export function secondsSince(began: number): number {
  return (performance.now() - began) / 1000;
}

/** The largest number, undefined of none. */
export function worst(numbers: (number | undefined)[]): number | undefined {
  const known = numbers.filter((number) => number !== undefined);
  return known.length > 0 ? Math.max(...known) : undefined;
}
