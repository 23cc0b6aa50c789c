import type { Action, Kind, Phase, State } from './states.js';

/** What goes between the API, the workflows and the activities. References and counts only: no row of a file. */

export const TASK_QUEUE = 'long-task';

/**
 * The task queue of the work steps. Workflows and control steps have the other one, so that steering never waits for
 * work.
 */
export function workQueue(taskQueue: string): string {
  return `${taskQueue}-work`;
}

export interface TaskRef {
  /** Primary key of the task row. */
  taskId: string;
}

/** A task, and the epoch for which its writers work. */
export interface RunRef extends TaskRef {
  epoch: number;
}

/** The one argument of both workflow types. The carried state survives continue-as-new and is plain JSON. */
export interface WorkflowInput extends TaskRef {
  kind: Kind;
  /**
   * Whether the service notifies this run by `commandRecorded`. An earlier version started runs without it, and marked
   * its own signals by `recorded: true` in the argument of the public ones: their histories must still replay.
   */
  ownSignal?: boolean;
  /** `cancelled`: natively, in a run before this one. */
  carried?: { commands: ExternalCommand[]; cancelled: boolean };
}

/** The optional argument of the public signals: a person gives a reason and, with `resume`, a new reject limit. */
export interface CommandSignalInput {
  reason?: string;
  max_rejects?: number;
}

/**
 * The service's own signal to a workflow: a command was recorded in the task row. The service raises the
 * fence before it signals.
 */
export const COMMAND_RECORDED = 'commandRecorded';

/** The argument of `commandRecorded`: for display only, since the task row decides what to do. */
export interface RecordedCommand {
  action: Action;
  reason?: string;
}

/** A command that reached the workflow first and is still to be written down in PostgreSQL. */
export interface ExternalCommand {
  action: Action;
  channel: 'signal' | 'cancel';
  reason?: string;
  /** With a resume: the new reject limit. */
  maxRejects?: number;
  /** The length of the workflow's history when it came: its event is among those. */
  seen?: number;
  /** Its name among the commands of its run: `signal/0`, `cancel`, `carried/0`. An older workflow gives none. */
  name?: string;
}

/** Answer of the query `progress`: the state as the workflow knows it. */
export interface ProgressAnswer {
  state: State;
  phase: Phase | null;
  rows: { done: number; total: number | null };
  bytes: { done: number; total: number | null };
  parts: { done: number; total: number | null; running: number };
  pending_commands: number;
}

/** The user whose task a workflow works for. */
export function userOf(workflowId: string): string {
  return workflowId.split('/')[1] ?? '';
}

export function workflowId(kind: Kind, userId: string, taskName: string): string {
  return `${kind}/${userId}/${taskName}`;
}
