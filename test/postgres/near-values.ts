import fc from 'fast-check';
import type { GivenTypeName } from '../../src/contract/given-type-names.js';
import { around, broken, strings } from './near-arbitraries.js';
import { nearNumbers } from './near-numbers.js';

/**
 * For each type: values about its borders, some that must be accepted, and some that PostgreSQL would alter or guess
 * at.
 */
export type Near = Record<
  Exclude<GivenTypeName, 'text'>,
  { arbitrary: fc.Arbitrary<string>; accepted: string[]; refused: string[] }
>;

const DAY = String.raw`(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])`;
const YEAR = String.raw`(?:19|20|00|01|99)\d\d`;
const CLOCK = String.raw`[0-2]\d:[0-5]\d(?::[0-6]\d(?:\.\d{1,8})?)?`;
const near_offset = String.raw`(?:Z|[+-][01]\d(?::?[0-5]\d)?)`;
const day = new RegExp(`^${YEAR}-${DAY}(?: BC)?$`);
const DATE_REFUSED = [
  '03.02.2024',
  '03/02/2020',
  '2024/01/31',
  '2024.031',
  '31-01-2024',
  'Jan 31 2024',
  '24-01-31',
  '2024-1-31',
  'J2451187',
  '2023-02-29',
  '1900-02-29',
  '2024-04-31',
  '2024-13-01',
  '0000-01-01',
  '2024-01-31 ',
  '2024-W05-3',
  '02024-01-01',
];
const STAMP_REFUSED = [
  '03.02.2024 10:00',
  '2024-01-31 24:00:00',
  '2024-01-31 23:59:60',
  '2024-01-31 1:00:00',
  '2024-01-31 10:00 PM',
  '2024-01-31 10:00:00.1234567',
  '2024-01-31  10:00:00',
  'today',
  'now',
  'epoch',
  'tomorrow',
];
const UUID = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11';
const json = fc.oneof(
  fc.jsonValue().map((value) => JSON.stringify(value)),
  fc.json().map((text) => text.replaceAll(',', ' , ')),
  broken(fc.json()),
  strings(/^\{"a":[01]\.?\d{0,3},"[ab]":"\\u00(?:00|61)"\}$/),
  strings(/^\[-?\d{1,3}(?:\.\d{1,2})?[eE]?-?\d{0,2}\]$/),
);

export const near: Near = {
  ...nearNumbers,
  boolean: {
    arbitrary: fc.oneof(
      around(/^(?:t|f|true|false|yes|no|on|off|y|n|0|1)$/),
      strings(/^[tfynoTFYNO][a-zA-Z]{0,4}$/),
      strings(/^[01]$/),
      fc
        .constantFrom('true', 'false', 'yes', 'no', 'on', 'off', 'y', 'n')
        .chain((word) =>
          fc
            .integer({ min: 0, max: 255 })
            .map((mask) => [...word].map((char, i) => ((mask >> i) & 1 ? char.toUpperCase() : char)).join('')),
        ),
    ),
    accepted: ['t', 'f', 'TRUE', 'False', 'yes', 'NO', 'on', 'off', 'y', 'n', '1', '0'],
    refused: ['', ' true', 'tr', 'fal', 'ye', 'of', '2', '10', 'wahr', 'o'],
  },
  date: {
    arbitrary: around(
      day,
      /^(?:19|20)\d\d(?:0[1-9]|1[0-2])[0-3]\d$/,
      /^[0-3]\d[./-][01]\d[./-]20\d\d$/,
      /^[1-9]\d{4,6}-0[1-9]-\d\d$/,
    ),
    accepted: ['2024-02-29', '20240131', '0001-01-01', '9999-12-31', '10000-01-01', '0044-03-15 BC', 'infinity'],
    refused: [...DATE_REFUSED, 'now', 'today', 'epoch', '2024-01-31 00:00:00', '2024-01-31T00:00:00Z'],
  },
  time: {
    arbitrary: around(new RegExp(`^${CLOCK}$`), new RegExp(`^${CLOCK}${near_offset}$`)),
    accepted: ['10:15', '10:15:30', '23:59:59.999999', '10:15:30.5000000', '24:00:00', '00:00'],
    refused: [
      '10:15+02',
      '10:15:00Z',
      '10:15 PM',
      '9:05',
      '101530',
      '23:59:60',
      '2024-01-31 10:15',
      'now',
      'allballs',
      '10',
    ],
  },
  timestamp: {
    arbitrary: around(
      new RegExp(`^${YEAR}-${DAY}[ T]${CLOCK}(?: BC)?$`),
      day,
      new RegExp(`^${YEAR}-${DAY}[ T]${CLOCK}${near_offset}$`),
    ),
    accepted: [
      '2024-01-31T10:15:00',
      '2024-01-31 10:15',
      '2024-01-31',
      '2024-01-31 10:15:00.0000000',
      '0044-03-15 10:00:00 BC',
    ],
    refused: [...STAMP_REFUSED, '2024-08-20T10:15:00+02:00', '2024-08-20T10:15:00Z', '2024-08-20 10:15:00 UTC'],
  },
  timestamptz: {
    arbitrary: around(
      new RegExp(`^${YEAR}-${DAY}[ T]${CLOCK}${near_offset}(?: BC)?$`),
      new RegExp(`^${YEAR}-${DAY}[ T]${CLOCK}$`),
    ),
    accepted: ['2024-08-20T10:15:00+02:00', '2024-08-20T10:15:00Z', '2024-08-20 10:15+0530', '2024-08-20 10:15:00-03'],
    refused: [
      ...STAMP_REFUSED,
      '2024-08-20T10:15:00',
      '2024-08-20',
      '2024-08-20 10:15:00 Europe/Berlin',
      '2024-08-20 10:15:00 CEST',
    ],
  },
  uuid: {
    arbitrary: around(
      /^[0-9a-fA-F]{8}-[0-9a-f]{4}-[0-9A-F]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/,
      /^[0-9a-f]{32}$/,
      /^\{[0-9A-F]{32}\}$/,
    ),
    accepted: [UUID, UUID.toUpperCase(), `{${UUID}}`, UUID.replaceAll('-', '')],
    refused: ['', UUID.slice(1), `{${UUID}`, ` ${UUID}`, 'a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11', `urn:uuid:${UUID}`],
  },
  json: {
    arbitrary: json,
    accepted: ['{}', ' [1, 2] ', '{"b":1,"a":1,"a":2}', '"\\u0000"', '1.0', 'null', '{"a":"é😀\\ud83d"}'],
    refused: ['', '{a:1}', "{'a':1}", '[1,]', 'NaN', '01', '"\n"', '\ufeff1'],
  },
  jsonb: {
    arbitrary: json,
    accepted: [
      '{"b":1.0,"a":[1e3]}',
      ' [1, 2] ',
      '"é😀"',
      '{"__proto__":1,"1":2}',
      '{"a":{"a":1},"b":{"a":1}}',
      '"\\ud83d\\ude00"',
    ],
    refused: [
      '',
      '{"a":1,"a":1}',
      '{"é":1,"\\u00e9":2}',
      '"\\u0000"',
      '"\\ud83d"',
      '[1e200000]',
      '{"x":[{"a":1,"\\u0061":2}]}',
    ],
  },
  inet: {
    arbitrary: fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      fc.ipV4Extended(),
      around(/^(?:\d{1,3}\.){3}\d{1,3}\/\d{1,2}$/, /^[0-9a-fA-F]{1,4}(?::[0-9a-f]{0,4}){2,7}(?:\/\d{1,3})?$/),
      broken(fc.ipV6()),
    ),
    accepted: ['192.168.0.1', '192.168.0.1/32', '10.0.0.1/8', '::1', '2001:DB8::/32', '::ffff:1.2.3.4', '::1/128'],
    refused: ['', '10.1', '10.1/16', '010.1.1.1', '1.2.3.4/33', '1.2.3.4 ', 'fe80::1%eth0', '::1/129', '1.2.3.4/08'],
  },
  interval: {
    arbitrary: fc.oneof(
      around(
        /^(?:-?\d{1,3} years? ?)?(?:-?\d mons? ?)?(?:-?\d{1,4} days? ?)?(?:[+-]?\d\d:[0-5]\d:[0-5]\d(?:\.\d{1,6})?)?$/,
      ),
      around(
        /^P(?:-?\dY)?(?:-?\d{1,2}M)?(?:\dW)?(?:-?\dD)?(?:T(?:-?\d{1,2}H)?(?:-?\d{1,2}M)?(?:-?\d{1,2}(?:\.\d{1,3})?S)?)?$/,
      ),
    ),
    accepted: [
      '1 year 2 mons 3 days 04:05:06',
      '-1 days +02:03:00',
      '100:00:00',
      'P1Y2M3W4DT5H6M7.5S',
      'PT36H',
      '00:00:00',
      '1 mon',
    ],
    refused: [
      '',
      'P',
      'PT',
      '1-2',
      '5',
      '1 week',
      '1.5 days',
      'P1.5D',
      '04:05',
      '@ 1 day ago',
      '1 day ago',
      '1 2:03',
      '1 day ',
    ],
  },
  bytea: {
    arbitrary: fc.oneof(
      strings(/^\\x(?:[0-9a-fA-F]{2}){0,9}$/),
      broken(strings(/^\\x(?:[0-9a-f]{2}){1,9}$/)),
      strings(/^(?:\\[0-7]{3}|[a-c])*$/),
    ),
    accepted: ['\\x', '\\xDEADbeef'],
    refused: ['', 'abc', '\\101', '\\\\', '\\xabc', '\\xab cd', '0xab', 'x41'],
  },
};
