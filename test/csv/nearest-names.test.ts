import { expect, it } from 'vitest';
import { nearestNames } from '../../src/csv/nearest-names.js';

it('returns the likeliest first, ignoring case, each once', () => {
  const names = ['Region', 'Country', 'Order ID', 'Units Sold', 'Unit Price', 'Units Sold'];
  expect(nearestNames('units sold', names)).toEqual(['Units Sold', 'Unit Price', expect.any(String)]);
  expect(nearestNames('Regoin', names, 1)).toEqual(['Region']);
  expect(nearestNames('OrderID', names, 1)).toEqual(['Order ID']);
  expect(nearestNames('x', [], 1)).toEqual([]);
});

it('takes milliseconds for a header of 1,599 long names', () => {
  const names = Array.from({ length: 1599 }, (_, i) => `${'a long name of a column '.repeat(50)}${i}`);
  // Processor time: the clock of a busy machine says nothing of it.
  const before = process.cpuUsage();
  nearestNames('another long name '.repeat(50), names);
  expect(process.cpuUsage(before).user / 1000).toBeLessThan(500);
});
