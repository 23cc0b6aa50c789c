/** How numbers of a form are written. */
export interface NumberForm {
  /** The decimal sign. */
  decimal: string;
  /** The sign between thousands; empty where there is none. */
  group: string;
}

/** The forms of numbers that PostgreSQL writes otherwise, by their names, which tasks store and users see. */
export const NUMBER_FORMS: ReadonlyMap<string, NumberForm> = new Map([
  ['1,5', { decimal: ',', group: '' }],
  ['1.234,5', { decimal: ',', group: '.' }],
  ['1 234,5', { decimal: ',', group: ' ' }],
  ['1\u00a0234,5', { decimal: ',', group: '\u00a0' }],
  ['1\u202f234,5', { decimal: ',', group: '\u202f' }],
  ["1'234,5", { decimal: ',', group: "'" }],
  ['1,234.5', { decimal: '.', group: ',' }],
  ["1'234.5", { decimal: '.', group: "'" }],
  ['1 234.5', { decimal: '.', group: ' ' }],
]);
