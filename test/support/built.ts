import { inProject } from '../../dev/paths.js';
import type { Arrivals } from '../../src/inspection/arrivals.js';

/** As the API has it: its threads run what was built. */
export async function builtArrivals(
  onError = (error: unknown): void => {
    throw error;
  },
  thread?: URL,
): Promise<Arrivals> {
  const file = inProject('dist', 'src', 'inspection', 'arrivals.js');
  const built: typeof import('../../src/inspection/arrivals.js') = await import(file);
  return new built.Arrivals(onError, thread);
}
