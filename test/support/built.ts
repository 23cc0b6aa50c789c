import { inProject } from '../../launcher/paths.js';
import type { Arrivals } from '../../src/intake/arrivals.js';

/** As the API has it: its threads run what was built. */
export async function builtArrivals(
  onError = (error: unknown): void => {
    throw error;
  },
  thread?: URL,
): Promise<Arrivals> {
  const file = inProject('dist', 'src', 'intake', 'arrivals.js');
  const built: typeof import('../../src/intake/arrivals.js') = await import(file);
  return new built.Arrivals(onError, thread);
}
