import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Seconds of processor time by the name of who has used it. */
export type ProcessorTime = Record<string, number>;

/** Ticks per second in `/proc/<pid>/stat` (proc(5)): the same on every Linux of our time. */
const TICKS = 100;

interface Process {
  parent: number;
  /** Seconds of its own and of its children that have ended. */
  seconds: number;
}

/**
 * Measures the processor time that processes use while `work` runs, each with all below it that has no name of its own.
 * Empty where there is no `/proc`.
 */
export async function processorTimeOf(pids: Record<string, number>, work: () => Promise<void>): Promise<ProcessorTime> {
  const before = await lookAt(pids);
  await work();
  const after = await lookAt(pids);
  return Object.fromEntries(Object.entries(after).map(([name, seconds]) => [name, seconds - (before[name] ?? 0)]));
}

const BETWEEN_LOOKS_MS = 100;

/** Looks until no process has ended between two looks: one that ends during a look may go uncounted. */
async function lookAt(pids: Record<string, number>): Promise<ProcessorTime> {
  for (let last = ''; ; ) {
    await sleep(BETWEEN_LOOKS_MS);
    const { sums, members } = sumByName(pids);
    if (members === last) return sums;
    last = members;
  }
}

function sumByName(pids: Record<string, number>): { sums: ProcessorTime; members: string } {
  const processes = listProcesses();
  const names = new Map(Object.entries(pids).map(([name, pid]) => [pid, name]));
  const nameOf = (pid: number): string | undefined => {
    if (names.has(pid)) return names.get(pid);
    const parent = processes.get(pid)?.parent;
    return parent ? nameOf(parent) : undefined;
  };
  const sums: ProcessorTime = {};
  const members: number[] = [];
  for (const [pid, { seconds }] of processes) {
    const name = nameOf(pid);
    if (!name) continue;
    sums[name] = (sums[name] ?? 0) + seconds;
    members.push(pid);
  }
  return { sums, members: members.join() };
}

function listProcesses(): Map<number, Process> {
  const found = new Map<number, Process>();
  for (const entry of existing(() => readdirSync('/proc')) ?? []) {
    const stat = /^\d+$/.test(entry) && existing(() => readFileSync(`/proc/${entry}/stat`, 'latin1'));
    if (stat) found.set(Number(entry), parseStat(stat));
  }
  return found;
}

function parseStat(stat: string): Process {
  // The program's name, in parentheses, may hold anything. Then come state, ppid, …, and 14 to 17: utime to cstime.
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const ticks = fields.slice(11, 15).reduce((sum, value) => sum + value, 0);
  return { parent: fields[1]!, seconds: ticks / TICKS };
}

/** A process may end between two looks. */
function existing<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
