import { isDeepStrictEqual } from 'node:util';
import type { GivenTypeName } from '../../src/contract/given-type-names.js';

/** Whether a text of a type and what comes back for it are the same value, as docs/given-types.md says for the type. */
export function sameValue(type: GivenTypeName, given: string, back: string): boolean {
  return given === back || isDeepStrictEqual(meaning[type](given), meaning[type](back));
}

const number = (text: string) => {
  const [mantissa, power = '0'] = text.toLowerCase().replace('+', '').split('e') as [string, string?];
  const [before, after = ''] = mantissa.replace('-', '').split('.') as [string, string?];
  const digits = (before + after).replace(/^0+/, '');
  const bare = digits.replace(/0+$/, '');
  if (bare === '') return '0';
  const exponent = Number(power) - after.length + digits.length - bare.length;
  return `${mantissa.startsWith('-') ? '-' : ''}${bare}e${exponent}`;
};
/** The time of the day as [seconds, fraction]. */
const clock = (text: string) => {
  const [, hour, minute, second = '0', fraction = ''] = /(\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?/.exec(text) ?? [];
  return [Number(hour ?? 0) * 3600 + Number(minute ?? 0) * 60 + Number(second), Number(`0${fraction}`)];
};
const stamp = (text: string) => [text.slice(0, text.search(/[ T]|$/)), ...clock(text), text.endsWith(' BC')];
const instant = (text: string) => {
  const [, date, time, fraction = '', offset, era = ''] = /^(\S+?)[ T]([\d:]+)(\.\d+)?(Z|[+-]\S+)( BC)?$/.exec(
    text,
  ) as unknown as string[];
  const [hours = '0', minutes = '0'] =
    offset === 'Z' ? [] : (/^([+-]\d\d):?(\d\d)?/.exec(offset!)!.slice(1) as string[]);
  const [year, month, day] = date!.split('-').map(Number) as [number, number, number];
  const [hour, minute, second = 0] = time!.split(':').map(Number) as [number, number, number?];
  const away = (Number(hours) * 60 + (offset!.startsWith('-') ? -1 : 1) * Number(minutes)) * 60_000;
  const moment = new Date(0);
  moment.setUTCFullYear(era ? 1 - year : year, month - 1, day);
  moment.setUTCHours(hour, minute, second);
  return [moment.getTime() - away, Number(`0${fraction}`)];
};
const span = (text: string) => {
  if (text.startsWith('P')) {
    const [date, time = ''] = text.split('T') as [string, string?];
    const part = (from: string, unit: string) => Number(new RegExp(`(-?[\\d.]+)${unit}`).exec(from)?.[1] ?? 0);
    const seconds = part(time, 'H') * 3600 + part(time, 'M') * 60 + part(time, 'S');
    return [part(date, 'Y') * 12 + part(date, 'M') + 0, part(date, 'W') * 7 + part(date, 'D') + 0, micros(seconds)];
  }
  const part = (unit: string) => Number(new RegExp(`([+-]?\\d+) ${unit}`).exec(text)?.[1] ?? 0);
  const [, sign, hours = 0, minutes = 0, seconds = 0] = /([+-]?)(\d+):(\d+):([\d.]+)$/.exec(text) ?? [];
  const total = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
  return [part('year') * 12 + part('mon') + 0, part('day') + 0, micros(sign === '-' ? -total : total)];
};
const micros = (seconds: number) => Math.round(seconds * 1e6) + 0;
const address = (text: string) => {
  const [host, bits] = text.split('/') as [string, string?];
  const isShort = !host.includes(':');
  return [isShort ? host : new URL(`http://[${host}]`).hostname, Number(bits ?? (isShort ? 32 : 128))];
};
const truth = (text: string) => /^(?:t|true|y|yes|on|1)$/i.test(text);

const meaning: Record<GivenTypeName, (text: string) => unknown> = {
  text: (text) => text,
  smallint: number,
  integer: number,
  bigint: number,
  numeric: number,
  real: number,
  'double precision': number,
  boolean: truth,
  date: (text) => text.replace(/^(\d{4})(\d\d)(\d\d)$/, '$1-$2-$3'),
  time: clock,
  timestamp: stamp,
  timestamptz: instant,
  uuid: (text) => text.toLowerCase().replace(/[{}-]/g, ''),
  json: (text) => text,
  jsonb: (text) => JSON.parse(text, (_, value) => (value === 0 ? 0 : value)),
  inet: address,
  interval: span,
  bytea: (text) => text.toLowerCase(),
};
