/** What a signal's argument says. */
export interface ReadCommand {
  reason?: string;
  maxRejects?: number;
  /** Whether the argument says `recorded: true`, which has a meaning only for runs of an earlier version. */
  recorded?: boolean;
  /** The fields that are not what they must be, and so are ignored. */
  odd: string[];
}

/** Reads a signal's argument without failing: a mistyped argument never invalidates the signal itself. */
export function readCommand(argument: unknown): ReadCommand {
  if (typeof argument === 'string') return { reason: storable(argument), odd: [] };
  if (typeof argument !== 'object' || argument === null) return { odd: [] };
  const { reason, max_rejects, recorded } = argument as Record<string, unknown>;
  const isLimit = isRejectLimit(max_rejects);
  return {
    ...(typeof reason === 'string' && { reason: storable(reason) }),
    ...(isLimit && { maxRejects: max_rejects }),
    recorded: recorded === true,
    odd: max_rejects === undefined || isLimit ? [] : ['max_rejects'],
  };
}

/** As the API's schema has it: a whole number, 0 or more. */
function isRejectLimit(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** PostgreSQL text holds neither U+0000 nor half a surrogate pair. */
function storable(reason: string): string {
  return [...reason.replaceAll('\0', '')]
    .slice(0, 500)
    .join('')
    .replace(/\p{Cs}/gu, '\ufffd');
}
