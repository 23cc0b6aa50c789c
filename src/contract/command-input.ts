import type { CommandSignalInput } from './messages.js';

/** Reads a signal's argument softly: whatever a person typed there, the signal itself is meant. */
export function readCommand(argument: unknown): CommandSignalInput {
  if (typeof argument === 'string') return { reason: storable(argument) };
  if (typeof argument !== 'object' || argument === null) return {};
  const { reason, recorded } = argument as Record<string, unknown>;
  return { ...(typeof reason === 'string' && { reason: storable(reason) }), recorded: recorded === true };
}

/** PostgreSQL text holds neither U+0000 nor half a surrogate pair. */
function storable(reason: string): string {
  return [...reason.replaceAll('\0', '')]
    .slice(0, 500)
    .join('')
    .replace(/\p{Cs}/gu, '\ufffd');
}
