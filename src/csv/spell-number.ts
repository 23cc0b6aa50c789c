/** A decimal number as it is written: value = digits × 10^exponent. `digits` has zeros at neither end; '' is zero. */
interface Decimal {
  digits: string;
  exponent: number;
  /** Digits before the point, and after it, once the exponent is written out. */
  whole: number;
  scale: number;
}

/** PostgreSQL manual, table 8.2: numeric. */
const NUMERIC_WHOLE = 131_072;
const NUMERIC_SCALE = 16_383;

/** Returns a check for whole numbers of a range: decimal digits, a sign or none. Leading zeros do not count. */
export function wholeNumber(min: bigint, max: bigint): (text: string) => boolean {
  return (text) => {
    const match = /^([+-]?)0*(\d{1,19})$/.exec(text);
    if (!match) return false;
    const value = BigInt(match[2]!);
    return match[1] === '-' ? -value >= min : value <= max;
  };
}

/** Checks a decimal number that numeric keeps digit by digit, or one of the words it writes. */
export function isNumeric(text: string): boolean {
  if (isNumberWord(text)) return true;
  const decimal = parseDecimal(text);
  return decimal !== null && decimal.whole <= NUMERIC_WHOLE && decimal.scale <= NUMERIC_SCALE;
}

/** Checks a decimal number that a binary floating-point type gives back as the same decimal number. */
export function isDouble(text: string): boolean {
  return isNumberWord(text) || isGivenBack(text, DOUBLE);
}

export function isReal(text: string): boolean {
  return isNumberWord(text) || isGivenBack(text, REAL);
}

function isNumberWord(text: string): boolean {
  return text === 'NaN' || text === 'Infinity' || text === '-Infinity';
}

/**
 * A binary format. Every decimal of `safeDigits` digits comes back, except at large exponents; none needs more than
 * `maxDigits`.
 */
interface Format {
  safeDigits: number;
  maxDigits: number;
  smallest: number;
  mantissaBits: number;
  round(value: number): number;
  /** Mantissa and binary exponent of a positive number. */
  parts(value: number): { mantissa: bigint; exponent: number };
}

const view = new DataView(new ArrayBuffer(8));

const DOUBLE: Format = {
  safeDigits: 15,
  maxDigits: 17,
  smallest: 1e-290,
  mantissaBits: 52,
  round: (value) => value,
  parts(value) {
    view.setFloat64(0, value);
    const bits = view.getBigUint64(0);
    return partsOf(bits, 52n, 1075);
  },
};

const REAL: Format = {
  safeDigits: 6,
  maxDigits: 9,
  smallest: 1e-30,
  mantissaBits: 23,
  round: Math.fround,
  parts(value) {
    view.setFloat32(0, value);
    return partsOf(BigInt(view.getUint32(0)), 23n, 150);
  },
};

function partsOf(bits: bigint, mantissaBits: bigint, bias: number): { mantissa: bigint; exponent: number } {
  const biased = Number(bits >> mantissaBits);
  const fraction = bits & ((1n << mantissaBits) - 1n);
  if (biased === 0) return { mantissa: fraction, exponent: 1 - bias };
  return { mantissa: fraction | (1n << mantissaBits), exponent: biased - bias };
}

function isGivenBack(text: string, format: Format): boolean {
  const decimal = parseDecimal(text);
  if (decimal === null) return false;
  const { digits, exponent } = decimal;
  if (digits === '') return true;
  const value = Math.abs(format.round(Number(text)));
  if (value === 0 || value === Number.POSITIVE_INFINITY || digits.length > format.maxDigits) return false;
  const isExact = exponent <= 0 || value < 2 ** format.mantissaBits;
  if (digits.length <= format.safeDigits && isExact && value >= format.smallest) return true;
  return isShortest(BigInt(digits), exponent, value, format);
}

/**
 * Whether `digits` × 10^`exponent` is what PostgreSQL writes for `value`: the shortest decimal strictly between the
 * borders to its neighbours, and the closest of that length (Ryu, https://dl.acm.org/doi/10.1145/3192366.3192369;
 * PostgreSQL leaves out the borders themselves, src/common/d2s.c). In whole numbers, so that nothing is rounded.
 */
function isShortest(digits: bigint, exponent: number, value: number, format: Format): boolean {
  const { mantissa, exponent: binary } = format.parts(value);
  // Of value and borders in quarters of the last bit: the border below a power of two is nearer.
  const isPower = mantissa === 1n << BigInt(format.mantissaBits);
  const scale = 2n ** BigInt(Math.max(0, binary - 2)) * 10n ** BigInt(Math.max(0, -exponent));
  const exact = 4n * mantissa * scale;
  const low = (4n * mantissa - (isPower ? 1n : 2n)) * scale;
  const high = (4n * mantissa + 2n) * scale;
  const unit = 2n ** BigInt(Math.max(0, 2 - binary)) * 10n ** BigInt(Math.max(0, exponent));
  const written = digits * unit;
  const isInside = (candidate: bigint) => low < candidate && candidate < high;
  if (!isInside(written)) return false;
  const shorter = (low / (10n * unit) + 1n) * 10n * unit;
  if (shorter < high) return false;
  const distance = (candidate: bigint) => (candidate < exact ? exact - candidate : candidate - exact);
  return [written - unit, written + unit].every((other) => {
    if (!isInside(other)) return true;
    const more = distance(other) - distance(written);
    return more > 0n || (more === 0n && digits % 2n === 0n);
  });
}

function parseDecimal(text: string): Decimal | null {
  const match = /^[+-]?(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,6}))?$/.exec(text);
  if (!match) return null;
  const [, before = '', after = '', power = '0'] = match;
  if (before.length + after.length === 0) return null;
  const written = (before + after).replace(/^0+/, '');
  const digits = withoutLastZeros(written);
  const exponent = Number(power);
  return {
    digits,
    exponent: digits === '' ? 0 : exponent - after.length + (written.length - digits.length),
    whole: before.replace(/^0+/, '').length + exponent,
    scale: after.length - exponent,
  };
}

/** By hand: the expression /0+$/ takes time by the square of the zeros that are not the last. */
function withoutLastZeros(digits: string): string {
  let end = digits.length;
  while (digits[end - 1] === '0') end--;
  return digits.slice(0, end);
}
