import { describe, expect, it } from 'vitest';
import { Slots, SlotsFullError } from '../../src/activities/slots.js';

/** How many slots a user gets who wants all of them. */
function occupyAll(slots: Slots, user: string): number {
  for (let i = 0; ; i++) {
    try {
      slots.occupy(user);
    } catch (error) {
      expect(error).toBeInstanceOf(SlotsFullError);
      return i;
    }
  }
}

describe('Slots', () => {
  it('leave half of them free when one user wants all', () => {
    const slots = new Slots(240);
    expect(occupyAll(slots, 'ana')).toBe(120);
    expect(occupyAll(slots, 'bob')).toBe(60);
    expect(occupyAll(slots, 'ana')).toBe(0);
    expect(occupyAll(slots, 'eve')).toBe(30);
  });

  it('can be occupied again once they are left', () => {
    const slots = new Slots(4);
    const leave = slots.occupy('ana');
    slots.occupy('ana');
    expect(() => slots.occupy('ana')).toThrow(SlotsFullError);
    leave();
    slots.occupy('ana');
  });

  it('have those that find none come again one after the other, a minute later at most', () => {
    const slots = new Slots(0);
    const delays = Array.from({ length: 1_000 }, () => {
      try {
        slots.occupy('ana');
        return 0;
      } catch (error) {
        return (error as SlotsFullError).retryMs;
      }
    });
    expect(delays[0]).toBeGreaterThanOrEqual(1_000);
    expect(delays[100]! - delays[0]!).toBeGreaterThan(9_000);
    expect(Math.max(...delays)).toBeLessThanOrEqual(60_000);
  });
});
