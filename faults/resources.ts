import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultHarness } from './fault-harness.js';

/** What a process has: resident memory in MiB and open descriptors. */
export interface Resources {
  resident: number;
  descriptors: number;
}

/** Undefined where the system does not tell, or there is no such process. */
export function resourcesOf(pid: number): Resources | undefined {
  if (!existsSync(`/proc/${pid}/status`)) return undefined;
  const resident = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return { resident: Math.round(Number(resident) / 1024), descriptors: readdirSync(`/proc/${pid}/fd`).length };
}

/** Pools let go of idle connections after ten seconds. */
const QUIET_MS = 12_000;
/** A pool may be filled a little differently from one time to the next. */
const DESCRIPTORS_MORE = 12;
/** The room that the heap of the API has before V8 collects it (`FLAGS` in launcher/service-process.ts). */
const MEBIBYTES_MORE = 128;

/** The resources of API and worker at rest. */
export async function restingResources({ api, workers }: FaultHarness): Promise<(Resources | undefined)[]> {
  await sleep(QUIET_MS);
  return [api, workers[0]].map((process) => process && resourcesOf(process.pid));
}

/** Whether API and worker are back to what they had; one line for each thing that is not. */
export function resourceViolations(before: (Resources | undefined)[], after: (Resources | undefined)[]): string[] {
  return ['the API', 'the worker'].flatMap((name, i) => {
    const [then, now] = [before[i], after[i]];
    if (!then || !now) return [];
    const more = [];
    if (now.descriptors > then.descriptors + DESCRIPTORS_MORE)
      more.push(`${name} has ${now.descriptors} descriptors, ${then.descriptors} at first`);
    if (now.resident > then.resident + MEBIBYTES_MORE)
      more.push(`${name} takes ${now.resident} MiB, ${then.resident} at first`);
    return more;
  });
}
