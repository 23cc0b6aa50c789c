import fc from 'fast-check';

const WORDS = [
  '',
  ' ',
  '-',
  '+',
  'now',
  'today',
  'tomorrow',
  'yesterday',
  'epoch',
  'infinity',
  '-infinity',
  'allballs',
];
/** Strings of a pattern. */
export const strings = (pattern: RegExp) => fc.stringMatching(pattern);
const words = fc.constantFrom(...WORDS);

/** A value with one of its characters replaced, doubled or left out. */
export const broken = (arbitrary: fc.Arbitrary<string>) =>
  fc
    .tuple(arbitrary, fc.nat(), fc.constantFrom('', ' ', '0', '9', '-', '.', ':', 'T', 'Z', '+', 'e', '_', '"'))
    .map(([value, at, char]) => {
      const place = at % (value.length + 1);
      return value.slice(0, place) + char + value.slice(place + (at % 2));
    });
/** Values of the patterns, some of them broken, and words that mean something to PostgreSQL. */
export const around = (...patterns: RegExp[]) => {
  const sound = fc.oneof(...patterns.map(strings));
  return fc.oneof({ weight: 6, arbitrary: sound }, { weight: 3, arbitrary: broken(sound) }, words);
};
