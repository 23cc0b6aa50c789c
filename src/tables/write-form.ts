import { NUMBER_FORMS } from '../contract/number-forms.js';
import { quoteLiteral } from '../postgres/copy.js';

/** Types whose values a form of the file can give back, by the name that PostgreSQL has for them. */
const TYPES: Record<string, (form: string, value: string) => string | null> = {
  boolean: writeBoolean,
  numeric: writeNumber,
  date: writeMoment,
  'time without time zone': (form, value) => (form === 'HH24:MI' ? `to_char(${value}, 'HH24:MI')` : null),
  'timestamp without time zone': writeMoment,
  'timestamp with time zone': writeMoment,
  uuid: (form, value) => (form === 'UPPER' ? `upper(${value}::text)` : null),
};

/**
 * Returns the expression that writes a column as its file did; the column itself where its type has changed since, or
 * where PostgreSQL writes it so by itself.
 * @param value the quoted column
 * @param form as inspect has found it (`FormName` of the module csv)
 */
export function writeForm(value: string, type: string, form: string | undefined): string {
  return (form !== undefined && TYPES[type]?.(form, value)) || value;
}

function writeBoolean(form: string, value: string): string | null {
  const [yes, no] = form.split('/');
  if (yes === undefined || no === undefined) return null;
  return `CASE WHEN ${value} THEN ${quoteLiteral(yes)} WHEN NOT ${value} THEN ${quoteLiteral(no)} END`;
}

function writeNumber(form: string, value: string): string | null {
  const number = NUMBER_FORMS.get(form);
  if (!number) return null;
  const { group, decimal } = number;
  const [whole, fraction] = ['1', '2'].map((part) => `split_part(${value}::text, '.', ${part})`);
  const grouped =
    group === ''
      ? whole
      : String.raw`regexp_replace(${whole}, '(\d)(?=(\d{3})+$)', ${quoteLiteral(`\\1${group}`)}, 'g')`;
  return `${grouped} || CASE WHEN ${fraction} = '' THEN '' ELSE ${quoteLiteral(decimal)} || ${fraction} END`;
}

const OFFSET = /"(Z|[+-]\d\d(?::?\d\d)?)"$/;
const FRACTION = /\.F(\d?)$/;

/** A date or timestamp by its to_char template. Infinity and years that the template cannot hold stay as they are. */
function writeMoment(form: string, value: string): string | null {
  if (!form.includes('YYYY')) return null;
  const offset = OFFSET.exec(form);
  const local = offset ? `(${value} AT TIME ZONE INTERVAL ${quoteLiteral(intervalOf(offset[1]!))})` : value;
  const bare = form.replace(OFFSET, '');
  const fraction = FRACTION.exec(bare);
  const written = `to_char(${local}, ${quoteLiteral(bare.replace(FRACTION, ''))})`;
  const whole = [written, fraction && writeFraction(local, fraction[1]!), offset && quoteLiteral(offset[1]!)];
  const isPlain = `isfinite(${value}) AND extract(year FROM ${local}) BETWEEN 1 AND 9999`;
  return `CASE WHEN ${isPlain} THEN ${whole.filter(Boolean).join(' || ')} ELSE ${value}::text END`;
}

function writeFraction(value: string, digits: string): string {
  if (digits !== '') return `'.' || to_char(${value}, 'FF${digits}')`;
  return `coalesce('.' || nullif(rtrim(to_char(${value}, 'US'), '0'), ''), '')`;
}

function intervalOf(offset: string): string {
  if (offset === 'Z') return '+00:00';
  const [, sign, hours, minutes = '00'] = /^([+-])(\d\d):?(\d\d)?$/.exec(offset)!;
  return `${sign}${hours}:${minutes}`;
}
