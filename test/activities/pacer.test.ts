import { describe, expect, it } from 'vitest';
import { Pacer } from '../../src/activities/pacer.js';

const never = new AbortController().signal;

describe('Pacer', () => {
  it('takes a tenth of a second of the rate for a batch, of a slow one up to a second, and never nothing', () => {
    expect(Pacer.portion(undefined, 1000)).toBe(1000);
    expect(Pacer.portion(1_000_000, 1000)).toBe(1000);
    expect(Pacer.portion(1_000_000, 1 << 20)).toBe(100_000);
    expect(Pacer.portion(20_000, 1 << 20)).toBe(8192);
    expect(Pacer.portion(1024, 1 << 20)).toBe(1024);
    expect(Pacer.portion(1, 1000)).toBe(1);
  });

  it('has a task wait until what has passed is paid for, over all its parts', async () => {
    const pacer = new Pacer();
    const began = performance.now();
    for (let i = 0; i < 5; i++) pacer.charge('task', 100, 2_000);
    await pacer.rest('task', never);
    expect(performance.now() - began).toBeGreaterThanOrEqual(250 - 10);
    expect(pacer.owes('task')).toBe(false);
  });

  it('keeps to the rate where each wait ends a little late', async () => {
    const pacer = new Pacer();
    const began = performance.now();
    for (let i = 0; i < 20; i++) {
      pacer.charge('task', 100, 5_000);
      await pacer.rest('task', never);
    }
    const seconds = (performance.now() - began) / 1000;
    expect(2_000 / seconds).toBeGreaterThan(4_500);
    expect(2_000 / seconds).toBeLessThanOrEqual(5_300);
  });

  it('holds up neither another task nor one without a rate', async () => {
    const pacer = new Pacer();
    pacer.charge('slow', 1e9, 1);
    pacer.charge('fast', 1e9, undefined);
    await pacer.rest('other', never);
    await pacer.rest('fast', never);
    expect(pacer.owes('slow')).toBe(true);
  });

  it('stops waiting when the signal fires, however long the wait is', async () => {
    const pacer = new Pacer();
    const controller = new AbortController();
    pacer.charge('task', Number.MAX_SAFE_INTEGER, 1);
    const waiting = pacer.rest('task', controller.signal);
    controller.abort();
    await expect(waiting).rejects.toThrow(/abort/i);
  });

  it('knows nothing of a task that was forgotten', async () => {
    const pacer = new Pacer();
    pacer.charge('task', 1e6, 1);
    pacer.forget('task');
    await pacer.rest('task', never);
  });
});
