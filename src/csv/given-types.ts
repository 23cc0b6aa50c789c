import { isIPv4, isIPv6 } from 'node:net';
import type { GivenTypeName } from '../contract/given-type-names.js';
import type { ColumnType } from './evidence.js';
import { isJson, isJsonb } from './spell-json.js';
import { isDouble, isNumeric, isReal, wholeNumber } from './spell-number.js';
import { hasOffset, isDate, isInstant, isInterval, isTime, isTimestamp } from './spell-time.js';

/** A type that a caller may give a column, and the spellings of its values that docs/given-types.md names. */
export interface GivenType {
  /** Whether PostgreSQL takes the text and gives the same value back. It must refuse nothing that is accepted here. */
  accepts(text: string): boolean;
  /** Types found by inspect of which every value is accepted; `none` is a column without a value. */
  provenBy: readonly (ColumnType | 'none')[];
  /** How its values are written: completes "Write …". */
  spelling: string;
  /** Says more of a value that is not accepted, where there is something to say. */
  explain?(text: string): string | null;
}

const ANY = ['none', 'integer', 'bigint', 'numeric', 'date', 'timestamp', 'uuid', 'text'] as const;

/**
 * All types that a caller may give. PostgreSQL itself reads far more spellings, and guesses: it reads 03.02.2024 as a
 * date, and it drops an offset from a timestamp.
 */
export const GIVEN_TYPES = {
  text: { accepts: () => true, provenBy: ANY, spelling: 'any text' },
  integer: {
    accepts: wholeNumber(-(2n ** 31n), 2n ** 31n - 1n),
    provenBy: ['none', 'integer'],
    spelling: 'digits, from -2147483648 to 2147483647',
  },
  bigint: {
    accepts: wholeNumber(-(2n ** 63n), 2n ** 63n - 1n),
    provenBy: ['none', 'integer', 'bigint'],
    spelling: 'digits, from -9223372036854775808 to 9223372036854775807',
  },
  smallint: {
    accepts: wholeNumber(-(2n ** 15n), 2n ** 15n - 1n),
    provenBy: ['none'],
    spelling: 'digits, from -32768 to 32767',
  },
  numeric: {
    accepts: isNumeric,
    provenBy: ['none', 'integer', 'bigint', 'numeric'],
    spelling: 'digits, with a decimal point where it has one',
  },
  real: { accepts: isReal, provenBy: ['none'], spelling: 'a decimal number that real gives back unchanged' },
  'double precision': {
    accepts: isDouble,
    provenBy: ['none', 'integer'],
    spelling: 'a decimal number that double precision gives back unchanged',
  },
  boolean: {
    accepts: (text) => /^(?:true|false|t|f|yes|no|y|n|on|off|1|0)$/i.test(text),
    provenBy: ['none'],
    spelling: 'true or false, t or f, yes or no, y or n, on or off, 1 or 0',
  },
  date: {
    accepts: isDate,
    provenBy: ['none', 'date'],
    spelling: 'YYYY-MM-DD',
    explain: (text) => (DAY_AND_MONTH.test(text) ? 'Write YYYY-MM-DD, or give date_order' : null),
  },
  time: { accepts: isTime, provenBy: ['none'], spelling: 'HH:MM:SS' },
  timestamp: {
    accepts: isTimestamp,
    provenBy: ['none', 'date', 'timestamp'],
    spelling: 'YYYY-MM-DD HH:MM:SS',
    explain: (text) => (hasOffset(text) ? 'It has an offset, which timestamp drops: give the type timestamptz' : null),
  },
  timestamptz: {
    accepts: isInstant,
    provenBy: ['none'],
    spelling: 'YYYY-MM-DD HH:MM:SS+HH:MM',
    explain: (text) => (isTimestamp(text) ? 'It has no offset from UTC: give the type timestamp' : null),
  },
  uuid: {
    accepts: isUuid,
    provenBy: ['none', 'uuid'],
    spelling: '32 hexadecimal digits, with hyphens as in 8-4-4-4-12 or with none',
  },
  json: { accepts: isJson, provenBy: ['none'], spelling: 'JSON' },
  jsonb: { accepts: isJsonb, provenBy: ['none'], spelling: 'JSON, each key once in its object' },
  inet: { accepts: isInet, provenBy: ['none'], spelling: 'an IPv4 or IPv6 address, with /bits where it has them' },
  interval: {
    accepts: isInterval,
    provenBy: ['none'],
    spelling: '1 year 2 mons 3 days 04:05:06, or P1Y2M3DT4H5M6S',
  },
  bytea: {
    accepts: (text) => text.startsWith('\\x') && text.length % 2 === 0 && !/[^0-9a-f]/i.test(text.slice(2)),
    provenBy: ['none'],
    spelling: '\\x and hexadecimal digits, two for each byte',
  },
} satisfies Record<GivenTypeName, GivenType>;

/** The rules of a type; undefined for a type that callers cannot give. */
export function givenType(name: string): GivenType | undefined {
  return Object.hasOwn(GIVEN_TYPES, name) ? GIVEN_TYPES[name as GivenTypeName] : undefined;
}

/** Why a value was not accepted, in one sentence without the value. */
export function explainRefusal(name: string, text: string): string {
  const type = givenType(name)!;
  return `the value is not a valid ${name}. ${type.explain?.(text) ?? `Write ${type.spelling}`}`;
}

/** A date that ends in its year. */
const DAY_AND_MONTH = /^\d{1,2}([./-])\d{1,2}\1\d{4}$/;

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$|^[0-9a-f]{32}$/i;

function isUuid(text: string): boolean {
  return UUID.test(text.startsWith('{') && text.endsWith('}') ? text.slice(1, -1) : text);
}

function isInet(text: string): boolean {
  const match = /^([^/%]+)(?:\/(0|[1-9]\d{0,2}))?$/.exec(text);
  if (!match) return false;
  const bits = Number(match[2] ?? 0);
  return isIPv4(match[1]!) ? bits <= 32 : isIPv6(match[1]!) && bits <= 128;
}
