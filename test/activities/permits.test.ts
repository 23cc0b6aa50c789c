import { setImmediate as tick } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Permits, type Release } from '../../src/activities/permits.js';

const never = new AbortController().signal;

/** Asks for permits, in order, and notes who was granted one. */
function asking(permits: Permits) {
  const granted: string[] = [];
  const releases: Release[] = [];
  return {
    granted,
    ask(...users: string[]) {
      for (const user of users) {
        void permits.take(user, new AbortController().signal).then((release) => {
          granted.push(user);
          releases.push(release);
        });
      }
      return tick();
    },
    /** Gives the oldest permit back. */
    async release() {
      releases.shift()!();
      await tick();
    },
  };
}

describe('Permits', () => {
  it('leave one for another user, however many the first one asks for', async () => {
    const { ask, granted } = asking(new Permits(4));
    await ask('ana', 'ana', 'ana', 'ana', 'ana', 'bob');
    expect(granted).toEqual(['ana', 'ana', 'ana', 'bob']);
  });

  it('go to the user who holds the fewest, then in the order of the requests', async () => {
    const { ask, granted, release } = asking(new Permits(3));
    await ask('ana', 'ana', 'bob', 'ana', 'ana', 'eve', 'bob');
    expect(granted).toEqual(['ana', 'ana', 'bob']);
    await release();
    expect(granted.at(-1)).toBe('eve');
    await release();
    expect(granted.at(-1)).toBe('ana');
    await release();
    expect(granted.slice(3)).toEqual(['eve', 'ana', 'bob']);
  });

  it('serve every user in turn where each has many waiting', async () => {
    const { ask, granted, release } = asking(new Permits(2));
    const users = ['ana', 'bob', 'eve'];
    await ask(...users.flatMap((user) => Array.from({ length: 20 }, () => user)));
    for (let i = 0; i < 27; i++) await release();
    for (const user of users) {
      const share = granted.filter((other) => other === user).length;
      expect(share).toBeGreaterThanOrEqual(8);
    }
  });

  it('are not lost with one who stops waiting, or gives his back twice', async () => {
    const permits = new Permits(1);
    const release = await permits.take('ana', never);
    const controller = new AbortController();
    const waiting = permits.take('bob', controller.signal);
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await expect(permits.take('bob', controller.signal)).rejects.toThrow('enough');
    release();
    release();
    const { ask, granted } = asking(permits);
    await ask('eve', 'eve');
    expect(granted).toEqual(['eve']);
  });

  it('are given back by a body that throws', async () => {
    const permits = new Permits(1);
    const failing = permits.use('ana', never, () => Promise.reject(new Error('broken')));
    await expect(failing).rejects.toThrow('broken');
    expect(await permits.use('ana', never, async () => 'done')).toBe('done');
  });
});
