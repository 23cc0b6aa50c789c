import { inProject } from '../../launcher/paths.js';
import type { StreamingInspections } from '../../src/intake/streaming-inspection.js';

/** As the API has it: its threads run what was built. */
export async function builtInspections(
  onError = (error: unknown): void => {
    throw error;
  },
  thread?: URL,
): Promise<StreamingInspections> {
  const file = inProject('dist', 'src', 'intake', 'streaming-inspection.js');
  const built: typeof import('../../src/intake/streaming-inspection.js') = await import(file);
  return new built.StreamingInspections(onError, { thread });
}
