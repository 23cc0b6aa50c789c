import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTask } from '../../src/tasks/new-task.js';
import { launchChromium, missingForChromium } from '../support/chromium.js';
import { useAddedFiles, useApi } from './support.js';

// biome-ignore lint/suspicious/noExplicitAny: what is run in the page has a document; the project has no types for one
declare const document: any;

const api = useApi();
const addedFiles = useAddedFiles(api);

const missing = await missingForChromium();
if (missing) process.stderr.write(`skipped: ${missing}\n`);

/** A page's name that leads to the API, as after DNS rebinding; and one that leads to the page's own server. */
const REBOUND = 'rebound.example';
const EVIL = 'evil.example';

describe.skipIf(missing)('a page of another site, in Chromium', () => {
  let browser: Browser;
  let site: Server;
  let evil: string;
  let rebound: string;

  beforeAll(async () => {
    site = createServer((_request, response) =>
      response.setHeader('content-type', 'text/html').end('<title>x</title>'),
    );
    await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
    evil = `http://${EVIL}:${(site.address() as AddressInfo).port}/`;
    rebound = `http://${REBOUND}:${new URL(api.url).port}`;
    browser = await launchChromium([
      `--host-resolver-rules=MAP ${REBOUND} 127.0.0.1, MAP ${EVIL} 127.0.0.1`,
      // Chromium would ask the user before such a page reaches this machine; other browsers do not, nor does it for a
      // form.
      '--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests',
    ]);
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    site?.close();
  });

  async function visit(url: string): Promise<Page> {
    const page = await (await browser.newContext()).newPage();
    await page.goto(url);
    return page;
  }

  /** Has the page send a form, and returns the status of what the browser then shows. */
  async function submit(page: Page, action: string, enctype: string, fields: Record<string, string>): Promise<number> {
    const answer = page.waitForResponse((response) => response.url().startsWith(action));
    await page.evaluate(
      ({ action, enctype, fields }) => {
        const form = Object.assign(document.createElement('form'), { method: 'post', action, enctype });
        for (const [name, value] of Object.entries(fields))
          form.append(Object.assign(document.createElement('input'), { name, value }));
        document.body.append(form);
        form.submit();
      },
      { action, enctype, fields },
    );
    return (await answer).status();
  }

  const tasks = async () =>
    (await api.pool.query('SELECT kind, task_name, state, version FROM long_task.tasks ORDER BY 1, 2')).rows;

  async function makeTask(taskName: string): Promise<void> {
    const options = { max_rejects: 0, on_limit: 'pause' } as const;
    await createTask(api.pool, { kind: 'upload', userId: 'ana', taskName, options });
  }

  it.each(['application/x-www-form-urlencoded', 'multipart/form-data', 'text/plain'])(
    'changes nothing by a form (%s)',
    async (enctype) => {
      await makeTask(enctype);
      const before = await tasks();
      const fields = { user_id: 'ana', task_name: enctype };
      for (const path of ['/upload/terminate', '/upload/pause', '/upload/start', '/download/start']) {
        const page = await visit(evil);
        expect([path, await submit(page, api.url + path, enctype, fields)]).toEqual([path, 403]);
        await page.context().close();
      }
      expect(await tasks()).toEqual(before);
      expect(await addedFiles()).toBe(0);
    },
  );

  it('changes nothing by fetch, and reads nothing', async () => {
    await makeTask('fetched');
    const before = await tasks();
    const page = await visit(evil);
    const answers = await page.evaluate(async (url) => {
      const body = new URLSearchParams({ user_id: 'ana', task_name: 'fetched' });
      const call = (path: string, init: RequestInit) =>
        fetch(url + path, init).then(
          async (answer) => `${answer.type} ${(await answer.text()).length}`,
          () => 'refused',
        );
      return Promise.all([
        call('/upload/terminate', { method: 'POST', body, mode: 'no-cors' }),
        call('/upload/terminate', { method: 'POST', body }),
        call('/upload/terminate', { method: 'POST', body: new Blob(['{}'], { type: 'application/json' }) }),
        call('/tasks/upload/fetched', { method: 'DELETE' }),
        call('/tasks', { mode: 'no-cors' }),
        call('/tasks', {}),
        call('/tasks', { credentials: 'include' }),
      ]);
    }, api.url);
    expect(answers.filter((answer) => answer !== 'refused' && answer !== 'opaque 0')).toEqual([]);
    expect(await tasks()).toEqual(before);
    await page.context().close();
  });

  it('reads nothing through an image, a script or a frame', async () => {
    const page = await visit(evil);
    const loaded = await page.evaluate(
      (url) =>
        Promise.all(
          ['img', 'script', 'link'].map(
            (tag) =>
              new Promise((resolve) => {
                const element = document.createElement(tag);
                element.onload = () => resolve(`${tag} was loaded`);
                element.onerror = () => resolve('refused');
                Object.assign(element, { rel: 'stylesheet', [tag === 'link' ? 'href' : 'src']: `${url}/tasks` });
                document.body.append(element);
              }),
          ),
        ),
      api.url,
    );
    expect(loaded).toEqual(['refused', 'refused', 'refused']);
    const framed = page.waitForResponse((response) => response.url() === `${api.url}/tasks`);
    await page.evaluate((url) => {
      document.body.append(Object.assign(document.createElement('iframe'), { src: `${url}/tasks` }));
    }, api.url);
    expect((await framed).status()).toBe(403);
    await page.context().close();
  });

  it('gains nothing by a name that leads to the API', async () => {
    await makeTask('rebound');
    const before = await tasks();
    const page = await (await browser.newContext()).newPage();
    const shown = await page.goto(`${rebound}/tasks`);
    expect([shown!.status(), (await shown!.json()).code]).toEqual([421, 'host_not_allowed']);
    // From here on the browser takes the page for one of the API's own.
    const answers = await page.evaluate(async () => {
      const read = async (path: string, init?: RequestInit) => {
        const answer = await fetch(path, init);
        return [answer.status, ((await answer.json()) as { code?: string }).code];
      };
      const body = new URLSearchParams({ user_id: 'ana', task_name: 'rebound' });
      return [
        await read('/tasks'),
        await read('/health/live'),
        await read('/upload/terminate', { method: 'POST', body }),
      ];
    });
    expect(answers).toEqual(Array(3).fill([421, 'host_not_allowed']));
    expect(await tasks()).toEqual(before);
    await page.context().close();
  });

  it('is not confused with the API’s own page, where all of it works', async () => {
    await makeTask('own');
    const page = await (await browser.newContext()).newPage();
    await page.goto(`${api.url}/health/live`);
    const state = await page.evaluate(async () => {
      const body = new URLSearchParams({ user_id: 'ana', task_name: 'own' });
      const answer = await fetch('/upload/terminate', { method: 'POST', body });
      return ((await answer.json()) as { state: string }).state;
    });
    expect(state).toMatch(/^terminat/);
    await page.context().close();
  });
});
