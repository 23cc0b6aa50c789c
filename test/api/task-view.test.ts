import { describe, expect, it } from 'vitest';
import { toTask } from '../../src/api/task-view.js';
import type { Kind } from '../../src/contract/states.js';
import { clocks, type PartSums, percentDone } from '../../src/tasks/progress.js';
import type { TaskRow } from '../../src/tasks/tasks.js';

const NOW = new Date('2026-01-01T12:00:00Z');
const ago = (seconds: number) => new Date(NOW.getTime() - seconds * 1000);

const NO_SUMS: PartSums = { parts: 0, parts_done: 0, bytes_found: 0, bytes_done: 0, rows_done: 0, rows_found: 0 };

/** A task that runs, and has been in its state and phase for ten seconds. */
function taskRow(changes: Partial<TaskRow> = {}): TaskRow {
  const since = { state_since: ago(10), phase_since: ago(10), created_at: ago(60), updated_at: ago(10) };
  const seconds = { phase_seconds: {}, active_seconds: 0, paused_seconds: 0 };
  const counts = { rows_total: null, bytes_total: 1_000, rows_rejected: 0, progress_reached: 0, version: 3 };
  const names = { user_id: 'ana', task_name: 'sales', workflow_id: 'upload/ana/sales', table_name: null };
  const ends = { receipt: null, error: null, result: null, finished_at: null, superseded_at: null };
  const row = { kind: 'upload', state: 'running', phase: 'loading', options: {}, pause_reasons: [], warnings: [] };
  return { ...since, ...seconds, ...counts, ...names, ...ends, ...row, ...changes } as unknown as TaskRow;
}

const view = (row: TaskRow, sums: Partial<PartSums> = {}, served = true) =>
  toTask({ row, sums: { ...NO_SUMS, ...sums }, held: { connections: 0, locks: 0 }, served, now: NOW });

const loading = (share: number) => ({ ...NO_SUMS, bytes_found: 1_000, bytes_done: 1_000 * share });

describe('the percentage', () => {
  it.each([
    ['upload', null, NO_SUMS, 0],
    ['upload', 'inspecting', { ...NO_SUMS, bytes_found: 500 }, 1],
    ['upload', 'inspecting', { ...NO_SUMS, bytes_found: 5_000 }, 2],
    ['upload', 'loading', NO_SUMS, 2],
    ['upload', 'loading', loading(0.5), 41],
    ['upload', 'loading', loading(1), 80],
    ['upload', 'publishing', loading(1), 80],
    ['download', 'dumping', { ...NO_SUMS, parts: 4, parts_done: 1 }, 25],
    ['download', 'assembling', NO_SUMS, 94],
  ] as const)('of a %s in phase %s with %o is %d', (kind, phase, sums, percent) => {
    expect(percentDone(taskRow({ kind: kind as Kind, phase }), sums)).toBe(percent);
  });

  it('is 100 of a completed task alone, and never less than it was when a rollback began', () => {
    expect(percentDone(taskRow({ state: 'completed', phase: 'publishing' }), NO_SUMS)).toBe(100);
    expect(percentDone(taskRow({ state: 'terminating', progress_reached: 63.4 }), NO_SUMS)).toBe(63.4);
  });

  it('never falls from one phase to the next', () => {
    const phases = ['inspecting', 'loading', 'publishing'] as const;
    const shares = [0, 0.3, 0.99, 1];
    const seen = phases.flatMap((phase) => shares.map((share) => percentDone(taskRow({ phase }), loading(share))));
    expect(seen.slice(4)).toEqual(seen.slice(4).toSorted((a, b) => a - b));
  });
});

describe('the remaining time', () => {
  it('goes by the bytes of the phase that moves the rows', () => {
    expect(view(taskRow(), loading(0.25)).eta_seconds).toBe(30);
    expect(view(taskRow(), loading(0.5)).eta_seconds).toBe(10);
  });

  it('leaves out the time of pauses', () => {
    const row = taskRow({ phase_seconds: { loading: 5 }, phase_since: ago(900), paused_seconds: 600 });
    expect(view(row, loading(0.5)).eta_seconds).toBe(15);
  });

  it('goes by the whole where the phase has no measure', () => {
    expect(view(taskRow({ phase: 'publishing', active_seconds: 70 }), loading(1)).eta_seconds).toBe(20);
  });

  it('goes by rows in an export whose rows are known, by parts elsewhere', () => {
    const row = taskRow({ kind: 'download', phase: 'dumping', rows_total: 200 });
    const sums = { parts: 4, parts_done: 1, rows_done: 100 };
    expect(view(row, sums).eta_seconds).toBe(10);
    expect(view({ ...row, rows_total: null }, sums).eta_seconds).toBe(30);
  });

  it.each(['queued', 'pausing', 'paused', 'terminating'] as const)('is null for a task that is %s', (state) => {
    expect(view(taskRow({ state }), loading(0.5)).eta_seconds).toBeNull();
  });

  it('is null at the beginning, before the load and without a live worker; 0 at the end', () => {
    expect(view(taskRow(), loading(0.005)).eta_seconds).toBeNull();
    expect(view(taskRow({ phase: 'inspecting' }), loading(0)).eta_seconds).toBeNull();
    expect(view(taskRow(), loading(0.5), false).eta_seconds).toBeNull();
    expect(view(taskRow({ state: 'completed' })).eta_seconds).toBe(0);
  });
});

it('the clocks of running, pausing and pause are kept apart', () => {
  const stored = { active_seconds: 3, paused_seconds: 4, phase_seconds: { loading: 2 } };
  expect(clocks(taskRow(stored), NOW)).toEqual({ active: 13, paused: 4, phase: 12 });
  expect(clocks(taskRow({ ...stored, state: 'paused' }), NOW)).toEqual({ active: 3, paused: 14, phase: 2 });
  expect(clocks(taskRow({ ...stored, phase_since: ago(4) }), NOW).phase).toBe(6);
  // A clock that was set back shows no negative time.
  expect(clocks(taskRow({ ...stored, state_since: ago(-5) }), NOW).active).toBe(3);
});
