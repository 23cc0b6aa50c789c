import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchChromium, missingForChromium } from '../support/chromium.js';
import { useApi } from './support.js';

const api = useApi();
const missing = await missingForChromium();
if (missing) process.stderr.write(`skipped: ${missing}\n`);

describe.skipIf(missing)('the page of the API, in Chromium', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchChromium();
  }, 60_000);
  afterAll(() => browser?.close());

  it('shows the operations, and loads nothing from elsewhere', async () => {
    const page = await (await browser.newContext()).newPage();
    const complaints: string[] = [];
    const requests: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => requests.push(request.url()));
    await page.goto(`${api.url}/docs`);
    await page.waitForSelector('#operations-Uploads-startUpload', { timeout: 30_000 });
    await page.click('#operations-Uploads-startUpload button.opblock-summary-control');
    await page.waitForSelector('#operations-Uploads-startUpload .opblock-body');
    expect(await page.locator('.opblock').count()).toBeGreaterThan(15);
    expect(requests.filter((url) => !url.startsWith(api.url) && !url.startsWith('data:'))).toEqual([]);
    expect(complaints).toEqual([]);
  });

  it('runs an operation by its example', async () => {
    const page = await (await browser.newContext()).newPage();
    await page.goto(`${api.url}/docs`);
    const operation = page.locator('#operations-Service-live');
    await operation.locator('button.opblock-summary-control').click();
    await operation.locator('button.execute').click();
    await operation.locator('.live-responses-table .response-col_status').first().waitFor();
    expect(await operation.locator('.live-responses-table').textContent()).toContain('"status": "ok"');
  });
});

it('says in a policy what the page may load', async () => {
  const { headers, status } = await api.get('/docs/');
  expect(status).toBe(200);
  expect(headers.get('content-security-policy')).toContain("default-src 'none'; script-src 'self'");
  expect((await api.get('/docs/static/swagger-ui.css')).headers.get('content-security-policy')).toContain("'none'");
});
