import { describe, expect, it } from 'vitest';
import { isUnavailable, meaningOf } from '../../src/postgres/sqlstate.js';

const withCode = (code: string) => Object.assign(new Error('of PostgreSQL'), { code });

describe('an error of PostgreSQL (manual, appendix A)', () => {
  it.each([
    ['40001', 'retry', false],
    ['40P01', 'retry', true],
    ['53300', 'retry', true],
    ['57P01', 'retry', true], // admin_shutdown
    ['08006', 'retry', true], // connection_failure
    ['58030', 'retry', false], // io_error
    ['53100', 'disk_full', false],
    ['57014', 'cancelled', false],
    ['22P02', 'bad_value', false], // invalid_text_representation
    ['23505', 'bad_value', false], // unique_violation
    ['54000', 'bad_value', false],
    ['P0001', 'bad_value', false],
    ['42P07', 'retry', false],
    ['42P01', 'target_changed', false],
    ['42703', 'target_changed', false],
    ['42501', 'refused', false], // insufficient_privilege
    ['42601', 'refused', false], // syntax_error
    ['0A000', 'refused', false], // feature_not_supported
    ['55000', 'refused', false], // object_not_in_prerequisite_state
    ['55P03', 'retry', false], // not the class of the line above
    ['XX000', 'other', false], // internal_error
  ])('%s means %s, unavailable: %s', (code, meaning, unavailable) => {
    expect(meaningOf(withCode(code))).toBe(meaning);
    expect(isUnavailable(withCode(code))).toBe(unavailable);
  });
});

describe('an error without SQLSTATE', () => {
  it.each([
    withCode('ECONNREFUSED'),
    withCode('EPIPE'),
    new Error('Connection terminated unexpectedly'),
    new Error('timeout exceeded when trying to connect'),
    new Error('while a row was read', { cause: withCode('ECONNRESET') }),
    new AggregateError([withCode('EHOSTUNREACH')], ''),
  ])('%s is a lost connection', (error) => {
    expect(meaningOf(error)).toBe('retry');
    expect(isUnavailable(error)).toBe(true);
  });

  // EPERM has five letters, as a SQLSTATE has.
  it.each([new Error('a defect'), withCode('EPERM'), withCode('ENOENT'), null, undefined, 'text'])(
    '%s is none',
    (error) => {
      expect(meaningOf(error)).toBe('other');
      expect(isUnavailable(error)).toBe(false);
    },
  );
});
