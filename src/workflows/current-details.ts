import { describePlace, type FaultPlace } from '../contract/fault-place.js';
import type { Kind, State } from '../contract/states.js';

/** Describes a task in the Web UI, in addition to its state. */
export interface About {
  kind: Kind;
  workflowId: string;
  /** What stopped it, if anything did. */
  fault?: FaultPlace;
  /** The limit of rejects that an upload has. */
  maxRejects?: number;
}

/** Says in Markdown what state a task is in, why, and what a person can do next. Holds nothing of a file. */
export function detailsOf(state: State, about: About): string {
  const cause = about.fault ? `: \`${describePlace(about.fault)}\`` : '';
  return `**${state}**${cause}\n\n${adviceFor(state, about)}`;
}

function adviceFor(state: State, about: About): string {
  if (state === 'paused') return adviceWhenPaused(about);
  if (state === 'failed') {
    return `It was rolled back: nothing of it is left. Its error is in the answer of \`POST /${about.kind}/progress\`. Fix the cause and start again.`;
  }
  return ADVICE[state];
}

const ADVICE: Record<Exclude<State, 'paused' | 'failed'>, string> = {
  queued: 'It waits for a worker.',
  running: 'Send the signal `pause` or `terminate` to control it.',
  pausing: 'Its writers are stopping; no row can commit any more. The signal `resume` lets it continue.',
  terminating: 'Everything that it has made is being removed.',
  terminated: 'It was rolled back: nothing of it is left. Start it again if it is still wanted.',
  rollback_failed:
    'The rollback could not finish yet. It is retried every few seconds; the log of the worker says more.',
  completed: 'Nothing is left to do.',
};

function adviceWhenPaused({ kind, workflowId, fault, maxRejects = 0 }: About): string {
  if (fault?.code === 'reject_limit') return adviceAtTheLimit(workflowId, maxRejects);
  const first = fault?.code === 'disk_full' ? 'Make room on the disk first. ' : '';
  return `It holds nothing. ${first}Send the signal \`resume\` to continue or \`terminate\` to remove it; by the API that is \`POST /${kind}/resume\` or \`/${kind}/terminate\`.`;
}

/** More than the limit that it has, so that the example helps as it is. */
const EXAMPLE_ROOM = 100;

function adviceAtTheLimit(workflowId: string, maxRejects: number): string {
  const argument = `{"max_rejects": ${maxRejects + EXAMPLE_ROOM}}`;
  return [
    `The file has more bad rows than \`max_rejects\` allows (${maxRejects}). A resume without a higher limit pauses it at the same row again. Resume it with the number of bad rows that may be left out, or terminate it, fix the file and start again:`,
    '',
    `- Web UI: *Send a Signal* \`resume\` with the input \`${argument}\``,
    `- CLI: \`temporal workflow signal -w '${workflowId}' --name resume --input '${argument}'\``,
    `- API: \`POST /upload/resume\` with \`user_id\`, \`task_name\` and \`max_rejects\``,
  ].join('\n');
}
