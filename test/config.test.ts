import { describe, expect, it } from 'vitest';
import { assertSafeToServe, loadConfig, storeFolder } from '../src/config.js';
import { withoutPasswords } from '../src/log.js';

const DATABASE_URL = 'postgres://ana:secret@db:5432/tasks';

describe('loadConfig', () => {
  it('has the defaults of the contract, frozen', () => {
    const config = loadConfig({ DATABASE_URL });
    expect(config).toMatchObject({
      HOST: '127.0.0.1',
      PORT: 8000,
      TEMPORAL_ADDRESS: '127.0.0.1:7233',
      TEMPORAL_NAMESPACE: 'default',
      TASK_QUEUE: 'long-task',
      LOG_LEVEL: 'info',
    });
    expect(Object.isFrozen(config)).toBe(true);
  });

  it('makes DATA_DIR absolute and keeps the file store in it', () => {
    expect(loadConfig({ DATABASE_URL, DATA_DIR: 'x' }).DATA_DIR).toBe(`${process.cwd()}/x`);
    expect(storeFolder({ DATA_DIR: '/data' })).toBe('/data/files');
  });

  it('takes an empty value for none', () => {
    expect(loadConfig({ DATABASE_URL, PORT: '' }).PORT).toBe(8000);
  });

  it('reads numbers from text', () => {
    expect(loadConfig({ DATABASE_URL, PORT: '8001', WORKER_PARTS: '2' })).toMatchObject({
      PORT: 8001,
      WORKER_PARTS: 2,
    });
  });

  it.each([
    ['PORT', 'abc', /^PORT: "abc" is not allowed; it must be a port/],
    ['PORT', '70000', /^PORT: "70000" is not allowed/],
    ['LOG_LEVEL', 'loud', /^LOG_LEVEL: "loud" is not allowed; it must be one of trace, debug/],
    ['TEMPORAL_ADDRESS', 'nowhere', /^TEMPORAL_ADDRESS: "nowhere" is not allowed; it must be .*host:port/],
    ['WORKER_PARTS', '0', /^WORKER_PARTS: "0" is not allowed/],
  ])('names %s, the value %s and what is allowed', (name, value, message) => {
    expect(() => loadConfig({ DATABASE_URL, [name]: value })).toThrow(message);
  });

  it('says that DATABASE_URL is missing, and never shows one', () => {
    expect(() => loadConfig({})).toThrow(/^DATABASE_URL is not set; it must be the address of PostgreSQL/);
    expect(() => loadConfig({ DATABASE_URL: 'mysql://ana:secret@db' })).toThrow(
      /^DATABASE_URL: the value given is not allowed/,
    );
  });

  it('complains about all of them at once', () => {
    expect(() => loadConfig({ PORT: 'x', LOG_LEVEL: 'y' })).toThrow(/PORT.*\n.*LOG_LEVEL|LOG_LEVEL.*\n.*PORT/);
  });
});

describe('an API without a login', () => {
  const start = (env: NodeJS.ProcessEnv) => assertSafeToServe(loadConfig({ DATABASE_URL, ...env }));

  it.each([['127.0.0.1'], ['127.0.0.2'], ['localhost'], ['::1'], ['']])('starts on %j', (HOST) => {
    expect(() => start({ HOST })).not.toThrow();
  });

  it.each([['0.0.0.0'], ['::'], ['10.0.0.5'], ['127.0.0.1.example.org'], ['box']])('does not start on %s', (HOST) => {
    expect(() => start({ HOST })).toThrow(/^HOST=.* AUTH=off .* INSECURE_NO_AUTH=1[^\n]*$/);
    expect(() => start({ HOST, INSECURE_NO_AUTH: '0' })).toThrow(/^HOST=/);
    expect(() => start({ HOST, INSECURE_NO_AUTH: '1' })).not.toThrow();
  });

  it.each([
    ['AUTH', 'token', /^AUTH: "token" is not allowed; it must be off/],
    ['INSECURE_NO_AUTH', 'yes', /^INSECURE_NO_AUTH: "yes" is not allowed/],
    ['ALLOWED_ORIGINS', '*', /^ALLOWED_ORIGINS: "\*" is not allowed; it must be origins/],
    ['ALLOWED_ORIGINS', 'null', /^ALLOWED_ORIGINS: "null" is not allowed/],
    ['ALLOWED_ORIGINS', 'https://a.example/path', /^ALLOWED_ORIGINS: /],
    ['ALLOWED_HOSTS', '*', /^ALLOWED_HOSTS: "\*" is not allowed; it must be host names/],
    ['ALLOWED_HOSTS', 'https://a.example', /^ALLOWED_HOSTS: /],
    ['EXPORT_TABLES', 'sales', /^EXPORT_TABLES: "sales" is not allowed; it must be tables/],
    ['DATABASE_EXPORT_URL', 'mysql://ana:secret@db', /^DATABASE_EXPORT_URL: the value given is not allowed/],
  ])('refuses %s=%s', (name, value, message) => {
    expect(() => start({ [name]: value })).toThrow(message);
  });
});

describe('the log', () => {
  it('leaves passwords out of connection strings', () => {
    expect(withoutPasswords(`{"msg":"cannot reach ${DATABASE_URL}"}`)).toBe(
      '{"msg":"cannot reach postgres://ana:***@db:5432/tasks"}',
    );
    expect(withoutPasswords('http://127.0.0.1:8000/a@b')).toBe('http://127.0.0.1:8000/a@b');
  });
});
