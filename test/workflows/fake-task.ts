import { setTimeout as sleep } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { expect } from 'vitest';
import type { ExternalCommand } from '../../src/contract/messages.js';
import {
  type Action,
  type Ending,
  isFinal,
  isTransition,
  type Kind,
  type State,
  transitionOf,
  type Verb,
} from '../../src/contract/states.js';

/** How often a held step checks whether it may continue, and sends a heartbeat. */
const LOOK_MS = 20;

/** Steps that write for an epoch of the task. */
export type Work = 'beginUpload' | 'loadPart' | 'publish' | 'beginDownload' | 'dumpPart' | 'assemble';

/**
 * The task row as the table of transitions has it, and everything that a workflow asks for: the activities record their
 * calls, and a test says which of them wait or fail. Each call checks what the workflow has to keep.
 */
export class FakeTask {
  state: State = 'queued';
  epoch = 1;
  /** Every change of state: `from verb to`. */
  readonly arrows: string[] = [];
  /** Every activity, in the order in which they began. */
  readonly calls: string[] = [];
  /** Every command that was applied or ignored, in order. */
  readonly commands: string[] = [];
  /** What a workflow must not do, and did. */
  readonly wrongs: string[] = [];
  parts = 2;
  #ending: Ending | undefined;
  #fault: string | undefined;
  #writers = 0;
  readonly #held = new Set<string>();
  readonly #stubborn = new Set<string>();
  readonly #faults = new Map<string, string>();
  #rollbackFailures = 0;
  readonly #lost = new Set<string>();
  readonly #failures = new Map<string, number>();

  constructor(
    readonly id: string,
    readonly kind: Kind,
  ) {}

  /** Has a step wait from its next call on until it is released. A stubborn one does not end when it is cancelled. */
  hold(step: string, { stubborn = false } = {}): void {
    this.#held.add(step);
    if (stubborn) this.#stubborn.add(step);
  }

  release(step?: string): void {
    if (step === undefined) this.#held.clear();
    else this.#held.delete(step);
  }

  /** Has the next call of a step meet a fault. */
  fault(step: Work, code: 'reject_limit' | 'unreadable'): void {
    this.#faults.set(step, code);
  }

  /** Has the next call of a step do its work, and then fail as when its worker dies. */
  loseAnswer(step: Work): void {
    this.#lost.add(step);
  }

  /** Has a control step fail so often. */
  failControl(step: 'settle', times: number): void {
    this.#failures.set(step, times);
  }

  failRollback(times: number): void {
    this.#rollbackFailures += times;
  }

  /**
   * Gives a command as the API and `applyCommands` do: what is not legal is ignored. Returns whether it is in effect.
   */
  command(action: Action): boolean {
    const transition = transitionOf(this.state, action);
    if (transition) this.#change(transition.verb, transition.to, action === 'terminate' ? 'terminated' : undefined);
    return transition !== undefined;
  }

  began(step: string): boolean {
    return this.calls.includes(step);
  }

  readonly control = {
    applyCommands: async ({ commands }: { commands: ExternalCommand[] }) => {
      this.calls.push('applyCommands');
      await this.#gate('applyCommands');
      for (const { action, channel } of commands) {
        this.commands.push(channel === 'cancel' ? 'cancel' : action);
        this.command(action);
      }
      return { fenced: false, state: this.state };
    },
    settle: async () => {
      this.calls.push('settle');
      const failures = this.#failures.get('settle') ?? 0;
      this.#failures.set('settle', failures - 1);
      if (failures > 0) throw new Error('the database is away');
      this.#expectNoWriter('settle');
      return { fenced: false, ...this.#next() };
    },
    rollback: async () => {
      this.calls.push('rollback');
      this.#expectNoWriter('rollback');
      await this.#gate('rollback');
      if (this.#rollbackFailures > 0) {
        this.#rollbackFailures--;
        throw ApplicationFailure.nonRetryable('a lock is held');
      }
      if (!isFinal(this.state)) this.#change('rolled_back', this.#ending ?? 'terminated');
      return { fenced: false, state: this.state };
    },
    recordRollbackFailure: async () => {
      this.calls.push('recordRollbackFailure');
      if (this.state === 'terminating') this.#change('rollback_failed', 'rollback_failed');
      return { fenced: false };
    },
    requestCancel: async () => {
      this.calls.push('requestCancel');
      const { client, info } = Context.current();
      const { workflowId, runId } = info.workflowExecution!;
      await client.workflow.getHandle(workflowId, runId).cancel();
      return { fenced: false };
    },
    tidy: async () => {
      this.calls.push('tidy');
      if (this.state !== 'completed') this.wrongs.push(`tidy of a task that is ${this.state}`);
      return { fenced: false };
    },
  };

  readonly work: Record<Work, (run: { epoch: number; partNo?: number }) => Promise<object>> = {
    beginUpload: (run) => this.#step('beginUpload', run, () => this.#begin()),
    loadPart: (run) => this.#step('loadPart', run, () => ({ rows: 1, bytes: 1 })),
    publish: (run) => this.#step('publish', run, () => this.#complete()),
    beginDownload: (run) => this.#step('beginDownload', run, () => this.#begin()),
    dumpPart: (run) => this.#step('dumpPart', run, () => ({ rows: 1, bytes: 1 })),
    assemble: (run) => this.#step('assemble', run, () => this.#complete()),
  };

  async #step(name: Work, { epoch }: { epoch: number }, body: () => object): Promise<object> {
    this.calls.push(name);
    if (isFinal(this.state) && epoch === this.epoch) this.wrongs.push(`${name} of a task that is ${this.state}`);
    this.#writers++;
    try {
      await this.#gate(name);
      if (epoch !== this.epoch) return { fenced: true };
      const code = this.#faults.get(name);
      this.#faults.delete(name);
      if (code) throw this.#meet(code);
      const result = { fenced: false, ...body() };
      if (this.#lost.delete(name)) throw new Error('the worker died');
      return result;
    } finally {
      this.#writers--;
    }
  }

  async #gate(name: string): Promise<void> {
    const context = Context.current();
    while (this.#held.has(name)) {
      if (!context.info.isLocal) context.heartbeat();
      if (context.cancellationSignal.aborted && !this.#stubborn.has(name)) await context.cancelled;
      await sleep(LOOK_MS);
    }
  }

  #meet(code: string): ApplicationFailure {
    this.#fault = code;
    if (code === 'reject_limit') this.#change('suspended', 'pausing');
    else this.#change('faulted', 'terminating', 'failed');
    const details = [{ code, recorded: true }];
    return ApplicationFailure.create({ type: code, message: code, nonRetryable: true, details });
  }

  #plan(): object {
    const pending = Array.from({ length: this.parts }, (_, i) => i + 1);
    const done = { done: 0, total: this.parts };
    return { pending, parts: this.parts, window: 2, rows: done, bytes: done };
  }

  /** A task of one part ends in its first step. */
  #begin(): object {
    if (this.parts > 1) return this.#plan();
    this.#complete();
    return { completed: { state: 'completed', rows: { loaded: 1, rejected: 0 }, isTidy: true } };
  }

  #complete(): object {
    this.#change('completed', 'completed');
    return {};
  }

  #next(): object {
    const cause = this.#fault && { fault: { code: this.#fault } };
    if (isFinal(this.state)) return { next: 'done', state: this.state, ...cause };
    if (this.state === 'terminating' || this.state === 'rollback_failed') return { next: 'rollback', ...cause };
    if (this.state === 'pausing') this.#change('paused', 'paused');
    if (this.state === 'paused') return { next: 'wait', ...cause };
    if (this.state === 'queued') this.#change('started', 'running');
    return { next: 'run', epoch: this.epoch, phase: null };
  }

  #change(verb: Verb, to: State, ending?: Ending): void {
    expect([this.state, verb, to]).toSatisfy(() => isTransition(this.state, verb, to));
    this.arrows.push(`${this.state} ${verb} ${to}`);
    this.state = to;
    this.#ending ??= ending;
    if (verb === 'resumed') this.#fault = undefined;
    if (['running', 'pausing', 'terminating'].includes(to) || isFinal(to)) this.epoch++;
  }

  #expectNoWriter(step: string): void {
    if (this.#writers > 0) this.wrongs.push(`${step} while ${this.#writers} steps still write`);
  }
}
