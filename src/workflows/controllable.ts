import {
  CancellationScope,
  condition,
  continueAsNew,
  log,
  setDefaultSignalHandler,
  setHandler,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import { readCommand } from '../contract/command-input.js';
import {
  COMMAND_RECORDED,
  type ExternalCommand,
  type ProgressAnswer,
  type WorkflowInput,
} from '../contract/messages.js';
import { ACTIONS, type Action, isAction, isFinal, type Phase, type State } from '../contract/states.js';
import { compensation, control, runShort } from './activities.js';
import type { About } from './current-details.js';
import { endAs, type TaskEnd } from './ending.js';
import { type Outcome, outcomeOf } from './interruption.js';
import { showState } from './shown-state.js';
import { commandRecordedSignal, pauseSignal, progressQuery, resumeSignal, terminateSignal } from './signals.js';

/** What a running workflow knows of its task; the steps keep phase and counts. */
export type Status = Omit<ProgressAnswer, 'pending_commands'>;

/**
 * Does the work of a task from its checkpoints on, with writers of the given epoch. Resolves to the ending of the task
 * when a step has reported it.
 */
export type Steps = (run: Run, status: Status) => Promise<TaskEnd | undefined>;

/** The state of a run. The phase is where the previous run stopped, so that completed phases are not repeated. */
export interface Run {
  taskId: string;
  epoch: number;
  phase: Phase | null;
}

/** Why a task is in its state, as reported by settle. */
type Cause = Pick<About, 'fault' | 'maxRejects'>;

const ROLLBACK_PAUSE = '10s';

const ODD_LIMIT = 'ignored max_rejects: it must be a whole number, 0 or more, with the signal resume of an upload';

/**
 * Runs a task's steps so that pause, resume and terminate may come at any moment and by any way. The task row in
 * PostgreSQL decides: each turn asks it what is next, works until the steps end or a command interrupts them, and asks
 * again. A native cancel counts as terminate. Ends as the task does, when that is in a final state.
 */
export async function runControllable(input: WorkflowInput, steps: Steps): Promise<TaskEnd> {
  const task = new ControllableTask(input, steps);
  const root = CancellationScope.current();
  task.listen();
  // Everything runs shielded: a native cancel becomes a command, and the rollback that it means cannot itself be
  // cancelled.
  return CancellationScope.nonCancellable(async () => endAs(await task.run(), () => root.consideredCancelled));
}

/** Shows the rows of a task that one activity has completed, for those who ask the workflow later. */
export function shown(completed: TaskEnd, status: Status): TaskEnd {
  const { loaded = 0, rejected = 0 } = completed.rows ?? {};
  status.rows = { done: loaded + rejected, total: loaded + rejected };
  return completed;
}

class ControllableTask {
  readonly #commands: ExternalCommand[];
  readonly #status: Status = {
    state: 'queued',
    phase: null,
    rows: { done: 0, total: null },
    bytes: { done: 0, total: null },
    parts: { done: 0, total: null, running: 0 },
  };
  #nudged = false;
  /** The number of commands that came by signal. */
  #signals = 0;
  #cancelled: boolean;
  #scope: CancellationScope | undefined;

  constructor(
    readonly input: WorkflowInput,
    readonly steps: Steps,
  ) {
    this.#commands = (input.carried?.commands ?? []).map((command, i) => ({ ...command, name: `carried/${i}` }));
    this.#cancelled = input.carried?.cancelled ?? false;
  }

  listen(): void {
    // Must come first: the SDK buffers early signals. Without this handler each of the handlers below would receive its
    // own before those of the others, out of order.
    setDefaultSignalHandler((name, argument) => {
      if (isAction(name)) this.#receive(name, argument);
      // The first settle reads a recorded command. #look would show its state, too, by a command to the server that
      // earlier histories do not hold.
      else if (name !== COMMAND_RECORDED) log.warn('ignored an unknown signal', { name, known: ACTIONS.join(', ') });
    });
    setHandler(pauseSignal, (argument) => this.#receive('pause', argument), {
      description: 'Stop and release all resources. Optional: {"reason": "…"}',
    });
    setHandler(resumeSignal, (argument) => this.#receive('resume', argument), {
      description: 'Continue where the task was paused. Optional: {"reason": "…", "max_rejects": 100}',
    });
    setHandler(terminateSignal, (argument) => this.#receive('terminate', argument), {
      description: 'Stop and remove everything the task has made. Optional: {"reason": "…"}',
    });
    setHandler(commandRecordedSignal, (command) => this.#look(command?.action), {
      description: 'Internal: sent by the service after it records a command.',
    });
    setHandler(progressQuery, () => ({ ...this.#status, pending_commands: this.#commands.length }), {
      description: 'State, phase, rows and bytes as the workflow knows them.',
    });
    CancellationScope.current().cancelRequested.catch(() => {
      this.#cancelled = true;
      this.#receive('terminate', { reason: 'cancelled' }, 'cancel');
    });
  }

  #receive(action: Action, argument: unknown, channel: ExternalCommand['channel'] = 'signal'): void {
    const { reason, maxRejects, recorded, odd } = readCommand(argument);
    const seen = workflowInfo().historyLength;
    const takesLimit = action === 'resume' && this.input.kind === 'upload';
    if (odd.length > 0 || (maxRejects !== undefined && !takesLimit)) log.warn(ODD_LIMIT, { name: action });
    if (recorded && !this.input.ownSignal) {
      this.#look(action);
      return;
    }
    const limit = takesLimit && maxRejects !== undefined && { maxRejects };
    const name = channel === 'cancel' ? channel : `signal/${this.#signals++}`;
    this.#commands.push({ action, channel, seen, name, ...(reason !== undefined && { reason }), ...limit });
    this.#nudge(action);
  }

  /** Acts on a command that the task row holds already. */
  #look(action: Action): void {
    this.#foresee(action);
    this.#nudge(action);
  }

  #nudge(action: Action): void {
    this.#nudged = true;
    if (action !== 'resume') this.#scope?.cancel();
  }

  /** Shows the state that the API has already written to the task row; settle reports later changes. */
  #foresee(action: Action): void {
    const { state } = this.#status;
    if (action === 'pause' && (state === 'queued' || state === 'running')) this.#show('pausing');
    if (action === 'terminate' && !isFinal(state)) this.#show('terminating');
  }

  async run(): Promise<TaskEnd> {
    const ref = { taskId: this.input.taskId };
    for (;;) {
      if (workflowInfo().continueAsNewSuggested) await this.#continueAsNew();
      // Reset before the commands are applied: the wait below must notice a command that comes meanwhile.
      this.#nudged = false;
      await this.#applyCommands();
      const settled = await runShort('settle', 'What is next?', ref);
      if (settled.fenced) continue;
      if (settled.next === 'done') return this.#finish(settled);
      if (settled.next === 'rollback') {
        const state = await this.#rollback(settled);
        if (state) return this.#finish({ state, fault: settled.fault });
      } else if (settled.next === 'wait') {
        this.#show('paused', settled);
        await condition(() => this.#nudged);
      } else {
        const ending = await this.#work(settled.epoch, settled.phase);
        if (ending) return this.#finish(ending);
      }
    }
  }

  async #work(epoch: number, phase: Phase | null): Promise<TaskEnd | undefined> {
    if (this.#nudged) return undefined;
    this.#show('running');
    const outcome = await this.#interruptible(() =>
      this.steps({ taskId: this.input.taskId, epoch, phase }, this.#status),
    );
    this.#status.parts.running = 0;
    // An activity of an older worker does not record its fault itself.
    if (outcome.ended === 'fault' && !outcome.fault.recorded) {
      const { taskId } = this.input;
      await runShort('recordFault', outcome.fault.code, { taskId, epoch, fault: outcome.fault });
    }
    return outcome.ended === 'completed' ? outcome.ending : undefined;
  }

  /**
   * Runs the steps in a scope of their own. Applies commands that come meanwhile at once, which closes the fence before
   * the steps have ended.
   */
  async #interruptible(steps: () => Promise<TaskEnd | undefined>): Promise<Outcome> {
    let outcome: Outcome | undefined;
    let defect: unknown;
    const scope = new CancellationScope();
    this.#scope = scope;
    const running = scope.run(steps).then(
      (ending) => {
        outcome = { ended: 'completed', ...(ending && { ending }) };
      },
      (error: unknown) => {
        try {
          outcome = outcomeOf(error, scope.consideredCancelled);
        } catch (unknown) {
          defect = unknown;
        }
      },
    );
    while (!outcome && !defect) {
      await condition(() => outcome !== undefined || defect !== undefined || this.#commands.length > 0);
      await this.#applyCommands();
    }
    await running;
    this.#scope = undefined;
    if (defect) throw defect;
    return outcome!;
  }

  async #applyCommands(): Promise<void> {
    if (this.#commands.length === 0) return;
    const commands = this.#commands.splice(0);
    const summary = commands.map((command) => command.action).join(', ');
    const { taskId, ownSignal } = this.input;
    const applied = await runShort('applyCommands', summary.slice(0, 200), { taskId, commands, ownSignal });
    // An older worker does not say it.
    if (!applied.fenced && applied.state) this.#show(applied.state);
  }

  async #rollback(cause: Cause): Promise<State | undefined> {
    this.#show('terminating', cause);
    try {
      const result = await compensation.rollback.executeWithOptions({ summary: 'Remove what the task has made' }, [
        { taskId: this.input.taskId },
      ]);
      return result.fenced ? undefined : result.state;
    } catch (error) {
      const detail =
        'The rollback could not finish yet; it is retried every few seconds. The log of the worker has the cause.';
      log.error('rollback failed', { error });
      await control.recordRollbackFailure({ taskId: this.input.taskId, detail });
      this.#show('rollback_failed', cause);
      await Promise.race([sleep(ROLLBACK_PAUSE), condition(() => this.#nudged)]);
      return undefined;
    }
  }

  async #finish({ isTidy, ...ending }: TaskEnd): Promise<TaskEnd> {
    this.#show(ending.state, ending.state === 'failed' ? ending : {});
    if (ending.state === 'completed' && !isTidy) {
      await control.tidy.executeWithOptions({ summary: 'Remove what is no longer needed' }, [
        { taskId: this.input.taskId },
      ]);
    }
    return ending;
  }

  async #continueAsNew(): Promise<never> {
    return continueAsNew({ ...this.input, carried: { commands: this.#commands, cancelled: this.#cancelled } });
  }

  #show(state: State, { fault, maxRejects }: Cause = {}): void {
    this.#status.state = state;
    showState(state, {
      kind: this.input.kind,
      ...(fault && { fault }),
      ...(maxRejects !== undefined && { maxRejects }),
    });
  }
}
