/** Words that hide the actor, are archaic, or have a trade word; each with what to write instead. */
export const WORDS: readonly (readonly [pattern: RegExp, instead: string])[] = [
  // The actor is missing.
  // Not "nobody" in quotes, the user of that name on Unix.
  [/(?<!")\b(?:nobody|somebody|no one|someone)\b/i, 'name the actor'],
  [/\b(?:whoever|whomever|whatever|whichever)\b/i, 'name the actor or the thing; "any", "regardless of"'],
  [/\bwhat (?:is|was) left\b/i, 'the rest, the remaining rows, leftovers'],
  [/\bthe other side\b/i, 'the client, the server, the peer'],
  // Archaic or literal translations.
  [/\banew\b/i, 'again'],
  [/\bbegun\b/i, 'started'],
  [/\bmend(?:s|ed|ing)?\b/i, 'fix'],
  [/\bbrought along\b/i, 'bundled'],
  [/\basked for\b/i, 'requested'],
  [/\b(?:is|are|was|were) to be\b/i, 'must, will, should'],
  [/\b(?:goes|went|going|gone) on\b/i, 'continues'],
  [/\bgo on\b/i, 'continue'],
  [/\b(?:is|are|was|were|be|does|do|can) no more\b(?! than)/i, 'no longer'],
  [/\b(?:is|are|was|were|be|been|being|not) told\b/i, 'notified, informed, distinguished'],
  [/\b(?:is|are|was|were|be|not) taken\b(?! (?:from|at|down)\b)/i, 'accepted, claimed, in use'],
  [/\bbesides?\b/i, 'with, next to, along with'],
  [/\b(?:is|are|was|were|be|been) met\b/i, 'hit, found'],
  [/\bstands? (?:in|at|on|there|under|before)\b/i, 'is stored, is written, is'],
  [/\bbehind (?:it|them|that|this|every|each|all|the last|the first)\b/i, 'after'],
  // A trade word exists.
  [/\bsniff(?:s|ed|ing|er)?\b/i, 'detect the file type'],
  [/\barrivals?\b/i, 'streaming inspection, upload'],
  [/\bpatience\b/i, 'backoff, grace period'],
  [/\bpacers?\b/i, 'rate limiter'],
  [/\bsteer(?:able|ed|s)?\b/i, 'control, controllable'],
  [/\bundelivered\b/i, 'outbox, not yet dispatched'],
  [/\b(?:rig|lab)s?\b/i, 'harness, fixture'],
  [/\b(?:story|stories)\b/i, 'script'],
  [/\bvictims?\b/i, 'target'],
];
