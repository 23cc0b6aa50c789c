import { describe, expect, it } from 'vitest';
import { guardExpression, guardFormula } from '../../src/tables/guard-formulas.js';
import { useDatabase } from '../postgres/support.js';

const db = useDatabase();

const HARMLESS = ['', 'plain', '5', '-5', '+5', '-5.0', '-5,0', '-1.234,50', '+1,234.50'];
const SIGNS = ['-', '+', '=', '@', '\t', '\r', '＝1', '＋1', '－1', '＠x', '=5', '@5', '-x'];
const NO_NUMBERS = ['--5', '-5-', '-5.', '-.5', '-5..0', '-5.,0', '-5 ', '-5\n', '-5\n6', '-5e3', '-５'];
const TEXTS = [...HARMLESS, ...SIGNS, ...NO_NUMBERS];

describe('a text that a spreadsheet would run', () => {
  it('gets an apostrophe, the same here and in PostgreSQL', async () => {
    const { rows } = await db.pool.query(
      `SELECT ${guardExpression('text')} AS text FROM unnest($1::text[]) WITH ORDINALITY AS t (text, place) ORDER BY place`,
      [TEXTS],
    );
    expect(TEXTS.map(guardFormula)).toEqual(rows.map(({ text }) => text));
    expect(TEXTS.filter((text) => guardFormula(text) === text)).toEqual(HARMLESS);
    expect(TEXTS.filter((text) => guardFormula(text) === `'${text}`)).toEqual([...SIGNS, ...NO_NUMBERS]);
  });

  it('is not a number, however long', () => {
    const digits = '1'.repeat(32 << 20);
    expect(guardFormula(`-${digits}`) === `-${digits}`).toBe(true);
    expect(guardFormula(`-${digits}x`).startsWith("'-1")).toBe(true);
  });
});
