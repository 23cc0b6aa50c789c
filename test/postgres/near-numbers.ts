import fc from 'fast-check';
import { around, broken } from './near-arbitraries.js';

const WHOLE_REFUSED = ['', '1.0', ' 12 ', '12 ', '0x10', '1_000', '1e3', '0b1', '0o7', '1,000', '１', '--1', 'NaN'];
const whole = (...limits: string[]) => ({
  arbitrary: fc.oneof(around(/^[+-]?\d{1,5}$/, /^[+-]?0{0,3}\d{1,19}$/), broken(fc.constantFrom(...limits))),
  accepted: ['0', '-0', '+5', '007', ...limits],
  refused: [...WHOLE_REFUSED, ...limits.map((limit) => `${limit.slice(0, -1)}9`)],
});

const doubles = fc.double({ noNaN: true, noDefaultInfinity: true }).map(String);
const ties = fc
  .tuple(fc.bigInt(1n, (1n << 54n) - 1n), fc.integer({ min: 0, max: 40 }))
  .map(([odd, shift]) => ((odd * 2n + 1n) << BigInt(shift)).toString());
const powers = fc.integer({ min: -1070, max: 1020 }).map((power) => String(2 ** power));
const floats = fc
  .float({ noNaN: true, noDefaultInfinity: true })
  .chain((value) => fc.integer({ min: 1, max: 10 }).map((precision) => value.toPrecision(precision)));
const decimals = around(/^[+-]?\d{1,9}(\.\d{0,9})?$/, /^-?\d{0,3}\.\d{1,12}$/, /^[1-9]\d{0,2}[eE][+-]?\d{1,3}$/);
const FLOAT_REFUSED = ['', ' 1', '1 ', '1,5', 'inf', 'nan', 'infinity', '0x1p3', '1e400', '1e-400', '1_0', '1e', '.'];

/** Numbers for `near`. */
export const nearNumbers = {
  smallint: whole('32767', '-32768'),
  integer: whole('2147483647', '-2147483648'),
  bigint: whole('9223372036854775807', '-9223372036854775808'),
  numeric: {
    arbitrary: decimals,
    accepted: ['1.50', '.5', '5.', '+1', '007.10', '1e3', '1.5E-3', '-0.00', 'NaN', 'Infinity', `1${'0'.repeat(200)}`],
    refused: ['', ' 1', '1,000', '1.000,5', '$5', '1_000', '0x10', 'nan', 'inf', '1e200000', '1e-20000', '1.2.3', '.'],
  },
  real: {
    arbitrary: fc.oneof(
      decimals,
      floats,
      ties,
      floats.map((text) => String(Number(text))),
    ),
    accepted: ['0.1', '1.10', '1e3', '16777216', '3.4028235e+38', 'NaN', '-Infinity', '-0'],
    refused: [...FLOAT_REFUSED, '16777217', '3.14159265', '123456789', '3e10', '1e39'],
  },
  'double precision': {
    arbitrary: fc.oneof(decimals, doubles, ties, powers, broken(doubles)),
    accepted: ['0.1', '1.10', '1e3', '9007199254740992', '1.7976931348623157e+308', '5e-324', 'NaN', 'Infinity', '-0'],
    refused: [...FLOAT_REFUSED, '9007199254740993', '0.1000000000000000055511151231257827', '1e23'],
  },
};
