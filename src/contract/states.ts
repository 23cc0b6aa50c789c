/** The life of a task: its states, its phases, the commands it takes, and every change from one state to another. */

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

/** Tells whether this is the name of a command. */
export function isAction(name: string): name is Action {
  return (ACTIONS as readonly string[]).includes(name);
}

/**
 * How a change came: over REST, by a Temporal signal or native cancel, by Temporal's own controls, or from the service.
 */
export const CHANNELS = ['api', 'signal', 'cancel', 'operator', 'service'] as const;
export type Channel = (typeof CHANNELS)[number];

/** A final state never changes again. Everything the task made is gone, except after `completed`. */
export const FINAL_STATES = ['terminated', 'completed', 'failed'] as const satisfies readonly State[];

/** How a rollback ends: `terminated` after a command, `failed` after a fault. */
export type Ending = 'terminated' | 'failed';

/** The name of a change, in the past tense, as `task_events` records it. */
export const VERBS = [
  'started',
  'pause_requested',
  'suspended',
  'paused',
  'resumed',
  'completed',
  'terminate_requested',
  'faulted',
  'rolled_back',
  'rollback_failed',
] as const;
export type Verb = (typeof VERBS)[number];

/** A transition of the state machine: in each of the `from` states the verb leads to `to`. */
export interface Transition {
  verb: Verb;
  from: readonly State[];
  to: State;
  /** The command that causes it; absent where the engine does. */
  command?: Action;
  /** One sentence for people. */
  meaning: string;
}

/**
 * Every change of state there is. `changeState` refuses all others, and a test compares docs/lifecycle.md with this
 * table.
 */
export const TRANSITIONS: readonly Transition[] = [
  { verb: 'started', from: ['queued'], to: 'running', meaning: 'A worker claims the task.' },
  {
    verb: 'pause_requested',
    from: ['queued', 'running'],
    to: 'pausing',
    command: 'pause',
    meaning: 'The fence closes: no further row of the task can commit.',
  },
  {
    verb: 'suspended',
    from: ['running'],
    to: 'pausing',
    meaning:
      'A fault that the user can fix (reject limit, full disk, unclear dialect) closes the fence, and the task asks.',
  },
  { verb: 'paused', from: ['pausing'], to: 'paused', meaning: 'The writers have ended, and the task holds nothing.' },
  {
    verb: 'resumed',
    from: ['pausing', 'paused'],
    to: 'running',
    command: 'resume',
    meaning: 'The task continues at its checkpoints, with a new epoch.',
  },
  {
    verb: 'completed',
    from: ['running'],
    to: 'completed',
    meaning: 'The table or the file is published, with a receipt that balances.',
  },
  {
    verb: 'terminate_requested',
    from: ['queued', 'running', 'pausing', 'paused', 'rollback_failed'],
    to: 'terminating',
    command: 'terminate',
    meaning: 'The fence closes, and the rollback starts.',
  },
  {
    verb: 'faulted',
    from: ['running'],
    to: 'terminating',
    meaning: 'A fault that no retry can fix closes the fence, and the rollback starts.',
  },
  {
    verb: 'rolled_back',
    from: ['terminating', 'rollback_failed'],
    to: 'terminated',
    meaning: 'The rollback has removed everything, after a command.',
  },
  {
    verb: 'rolled_back',
    from: ['terminating', 'rollback_failed'],
    to: 'failed',
    meaning: 'The rollback has removed everything, after a fault.',
  },
  {
    verb: 'rollback_failed',
    from: ['terminating'],
    to: 'rollback_failed',
    meaning: 'The rollback cannot finish yet; the service retries it.',
  },
];

/** Commands that a state already obeys: accepted, and without effect. */
const IN_EFFECT: Partial<Record<State, readonly Action[]>> = {
  queued: ['resume'],
  running: ['resume'],
  pausing: ['pause'],
  paused: ['pause'],
  terminating: ['terminate'],
  terminated: ['terminate'],
};

/** Returns the change that a command causes, `null` where it is in effect already, `undefined` where it is illegal. */
export function transitionOf(state: State, action: Action): Transition | null | undefined {
  const transition = TRANSITIONS.find(({ command, from }) => command === action && from.includes(state));
  return transition ?? (IN_EFFECT[state]?.includes(action) ? null : undefined);
}

/** Tells whether the table has this very transition. */
export function isTransition(from: State, verb: Verb, to: State): boolean {
  return TRANSITIONS.some((one) => one.verb === verb && one.to === to && one.from.includes(from));
}

/** Returns the commands that would change something in this state, as shown in `allowed_actions`. */
export function allowedActions(state: State): Action[] {
  return ACTIONS.filter((action) => transitionOf(state, action));
}

export function isFinal(state: State): boolean {
  return (FINAL_STATES as readonly State[]).includes(state);
}
