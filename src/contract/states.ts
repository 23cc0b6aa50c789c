/** The life of a task: its states, the commands it takes, and the one table that says which command is legal where. */

export const KINDS = ['upload', 'download'] as const;
export type Kind = (typeof KINDS)[number];

export const STATES = [
  'queued',
  'running',
  'pausing',
  'paused',
  'terminating',
  'terminated',
  'rollback_failed',
  'completed',
  'failed',
] as const;
export type State = (typeof STATES)[number];

export const PHASES = ['inspecting', 'loading', 'publishing', 'planning', 'dumping', 'assembling'] as const;
export type Phase = (typeof PHASES)[number];

export const ACTIONS = ['pause', 'resume', 'terminate'] as const;
export type Action = (typeof ACTIONS)[number];

/** By which way a change came: over REST, by a Temporal signal or native cancel, or from the service itself. */
export const CHANNELS = ['api', 'signal', 'cancel', 'operator', 'service'] as const;
export type Channel = (typeof CHANNELS)[number];

/** A final state never changes again; whatever the task made on the way to a state other than `completed` is gone. */
export const FINAL_STATES: readonly State[] = ['terminated', 'completed', 'failed'];

/** Where each command leads. `null`: the command is in effect already, a no-op. Absent: illegal in that state. */
const TRANSITIONS: Record<State, Partial<Record<Action, State | null>>> = {
  queued: { pause: 'pausing', resume: null, terminate: 'terminating' },
  running: { pause: 'pausing', resume: null, terminate: 'terminating' },
  pausing: { pause: null, resume: 'running', terminate: 'terminating' },
  paused: { pause: null, resume: 'running', terminate: 'terminating' },
  terminating: { terminate: null },
  terminated: { terminate: null },
  rollback_failed: { terminate: 'terminating' },
  completed: {},
  failed: {},
};

/** The state a command leads to, `null` when it is in effect already, `undefined` when it is illegal there. */
export function nextState(state: State, action: Action): State | null | undefined {
  return TRANSITIONS[state][action];
}

/** The commands that would change something in this state, as shown in `allowed_actions`. */
export function allowedActions(state: State): Action[] {
  return ACTIONS.filter((action) => TRANSITIONS[state][action]);
}

export function isFinal(state: State): boolean {
  return FINAL_STATES.includes(state);
}
