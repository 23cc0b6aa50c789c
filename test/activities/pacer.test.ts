import { describe, expect, it } from 'vitest';
import { Pacer } from '../../src/activities/pacer.js';

const never = new AbortController().signal;

describe('Pacer', () => {
  it('asks for a tenth of a second of a slow rate at once, and never for nothing', () => {
    expect(Pacer.portion(undefined, 1000)).toBe(1000);
    expect(Pacer.portion(1_000_000, 1000)).toBe(1000);
    expect(Pacer.portion(500, 1000)).toBe(50);
    expect(Pacer.portion(1, 1000)).toBe(1);
  });

  it('lets bytes pass no sooner than the rate allows, over all parts of a task', async () => {
    const pacer = new Pacer();
    const began = performance.now();
    // 11 × 100 bytes at 2,000 bytes/s: the last may pass when the ten before it are paid for.
    await Promise.all(
      Array.from({ length: 11 }, async (_, i) => {
        await pacer.pass('task', 100, 2_000, never);
        expect(performance.now() - began).toBeGreaterThanOrEqual(i * 50 - 2);
      }),
    );
  });

  it('holds up neither another task nor one without a rate', async () => {
    const pacer = new Pacer();
    void pacer.pass('slow', 1e9, 1, never);
    await pacer.pass('other', 100, 1, never);
    await pacer.pass('slow', 1e9, undefined, never);
  });

  it('stops waiting when the signal fires', async () => {
    const pacer = new Pacer();
    const controller = new AbortController();
    await pacer.pass('task', 1e6, 1, controller.signal);
    const waiting = pacer.pass('task', 1, 1, controller.signal);
    controller.abort();
    await expect(waiting).rejects.toThrow(/abort/i);
  });

  it('knows nothing of a task that was forgotten', async () => {
    const pacer = new Pacer();
    await pacer.pass('task', 1e6, 1, never);
    pacer.forget('task');
    await pacer.pass('task', 1, 1, never);
  });
});
