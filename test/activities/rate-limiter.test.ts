import { describe, expect, it } from 'vitest';
import { RateLimiter } from '../../src/activities/rate-limiter.js';

const never = new AbortController().signal;

describe('RateLimiter', () => {
  it('takes a tenth of a second of the rate for a batch, of a slow one up to a second, and never nothing', () => {
    expect(RateLimiter.portion(undefined, 1000)).toBe(1000);
    expect(RateLimiter.portion(1_000_000, 1000)).toBe(1000);
    expect(RateLimiter.portion(1_000_000, 1 << 20)).toBe(100_000);
    expect(RateLimiter.portion(20_000, 1 << 20)).toBe(8192);
    expect(RateLimiter.portion(1024, 1 << 20)).toBe(1024);
    expect(RateLimiter.portion(1, 1000)).toBe(1);
  });

  it('has a task wait until what has passed is paid for, over all its parts', async () => {
    const rateLimiter = new RateLimiter();
    const began = performance.now();
    for (let i = 0; i < 5; i++) rateLimiter.charge('task', 100, 2_000);
    await rateLimiter.rest('task', never);
    expect(performance.now() - began).toBeGreaterThanOrEqual(250 - 10);
    expect(rateLimiter.owes('task')).toBe(false);
  });

  it('keeps to the rate where each wait ends a little late', async () => {
    const rateLimiter = new RateLimiter();
    const began = performance.now();
    for (let i = 0; i < 20; i++) {
      rateLimiter.charge('task', 100, 5_000);
      await rateLimiter.rest('task', never);
    }
    const seconds = (performance.now() - began) / 1000;
    expect(2_000 / seconds).toBeGreaterThan(4_500);
    expect(2_000 / seconds).toBeLessThanOrEqual(5_300);
  });

  it('holds up neither another task nor one without a rate', async () => {
    const rateLimiter = new RateLimiter();
    rateLimiter.charge('slow', 1e9, 1);
    rateLimiter.charge('fast', 1e9, undefined);
    await rateLimiter.rest('other', never);
    await rateLimiter.rest('fast', never);
    expect(rateLimiter.owes('slow')).toBe(true);
  });

  it('stops waiting when the signal fires, however long the wait is', async () => {
    const rateLimiter = new RateLimiter();
    const controller = new AbortController();
    rateLimiter.charge('task', Number.MAX_SAFE_INTEGER, 1);
    const waiting = rateLimiter.rest('task', controller.signal);
    controller.abort();
    await expect(waiting).rejects.toThrow(/abort/i);
  });

  it('knows nothing of a task that was forgotten', async () => {
    const rateLimiter = new RateLimiter();
    rateLimiter.charge('task', 1e6, 1);
    rateLimiter.forget('task');
    await rateLimiter.rest('task', never);
  });
});
