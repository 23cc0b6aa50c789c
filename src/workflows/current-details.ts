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
    return `Rolled back; nothing remains. \`POST /${about.kind}/progress\` returns the error. Fix the cause and start again.`;
  }
  return ADVICE[state];
}

const ADVICE: Record<Exclude<State, 'paused' | 'failed'>, string> = {
  queued: 'Waiting for a worker.',
  running: 'Send the signal `pause` or `terminate` to control it.',
  pausing: 'The writers are stopping; no further row can commit. Send `resume` to continue.',
  terminating: 'Everything that the task has made is being removed.',
  terminated: 'Rolled back; nothing remains. Start it again if it is still wanted.',
  rollback_failed:
    'The rollback could not finish yet. It is retried every few seconds; the log of the worker has the cause.',
  completed: 'Nothing is left to do.',
};

function adviceWhenPaused({ kind, workflowId, fault, maxRejects = 0 }: About): string {
  if (fault?.code === 'reject_limit') return adviceAtTheLimit(workflowId, maxRejects);
  if (fault?.code === 'unclear_dialect') return UNCLEAR_DIALECT;
  const first = fault?.code === 'disk_full' ? 'Make room on the disk first. ' : '';
  return `No resources are held. ${first}Send the signal \`resume\` to continue or \`terminate\` to remove it; by the API that is \`POST /${kind}/resume\` or \`/${kind}/terminate\`.`;
}

// A signal carries no dialect: after its resume the task would pause with the same question.
const UNCLEAR_DIALECT =
  'It is unclear how the file is written; `POST /upload/progress` returns the question in `error`. Resume through the API, `POST /upload/resume` with `dialect`, or terminate it. The signal `resume` does not help: it carries no dialect.';

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
