import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { inProject } from '../../launcher/paths.js';
import { FLAGS, WORKER_MALLOC } from '../../launcher/service-process.js';

const file = readFileSync(inProject('docker-compose.yml'), 'utf8');

/** The text of a service: from its name to the next one. */
function service(name: string): string {
  return new RegExp(`^  ${name}:\\n((?:    .*\\n|\\n|  #.*\\n)+)`, 'm').exec(file)?.[1] ?? '';
}

describe('docker-compose.yml', () => {
  it('gives API and worker the heap that npm start gives them', () => {
    const image = readFileSync(inProject('Dockerfile'), 'utf8');
    expect(image).toContain(
      `CMD ${JSON.stringify(['node', ...FLAGS.api, 'dist/src/api/main.js']).replaceAll(',', ', ')}`,
    );
    for (const [name, value] of Object.entries(WORKER_MALLOC))
      expect(service('worker')).toContain(`${name}: "${value}"`);
    expect(service('worker')).toContain(`[${['node', ...FLAGS.worker, 'dist/src/worker/main.js'].join(', ')}]`);
  });

  it('publishes every port on loopback only', () => {
    const published = [...file.matchAll(/^ +ports:\n((?: +- .*\n)+)/gm)].flatMap(([, lines]) =>
      lines!.trim().split('\n'),
    );
    expect(published.length).toBe(4);
    for (const line of published) expect(line).toMatch(/^ *- 127\.0\.0\.1:/);
  });

  it('lets the API start without a login, and checks its health by a host that is allowed', () => {
    expect(service('api')).toContain('INSECURE_NO_AUTH: "1"');
    expect(service('api')).toContain("fetch('http://127.0.0.1:8000/health/ready')");
  });

  it('tells the administrator’s password to the set-up, PostgreSQL and Temporal alone', () => {
    const knowing = ['api', 'worker', 'database', 'temporal-ui'].filter((name) =>
      service(name).includes('POSTGRES_PASSWORD'),
    );
    expect(knowing).toEqual(['database']);
    const shared = file.slice(file.indexOf('x-service:'), file.indexOf('\nservices:'));
    expect(shared).toContain('long_task_app');
    expect(shared).not.toContain('POSTGRES_PASSWORD');
  });
});
