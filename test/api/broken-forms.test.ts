import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { useAddedFiles, useApi } from './support.js';

const api = useApi({ maxUploadBytes: 1 << 20 });
const added = useAddedFiles(api);

describe('a form that is not as it should be', () => {
  it.each([
    ['a file without a filename', 'name="file"\r\nContent-Type: application/octet-stream', 'file'],
    ['a file without a name', 'filename="a.csv"', ''],
    ['a field without a name', 'x="y"', ''],
    ['a file with an empty filename', 'name="file"; filename=""', 'file'],
    ['a file with a blank filename', 'name="file"; filename="  "', 'file'],
  ])('refuses %s and keeps nothing', async (_what, disposition, field) => {
    const user =
      '--xyz\r\nContent-Disposition: form-data; name="user_id"\r\nContent-Type: application/octet-stream\r\n\r\nana\r\n';
    const response = await fetch(`${api.url}/upload/start`, {
      method: 'POST',
      headers: { 'content-type': 'multipart/form-data; boundary=xyz' },
      body: `${user}--xyz\r\nContent-Disposition: form-data; ${disposition}\r\n\r\na,b\n1,2\n\r\n--xyz--\r\n`,
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: 'invalid_request', errors: [{ field }] });
    expect(await added()).toBe(0);
  });

  it.each([
    ['without a Content-Disposition', 'Content-Type: text/plain'],
    ['of another Content-Disposition', 'Content-Disposition: attachment; name="max_rejects"'],
    ['with a line break in its name', 'Content-Disposition: form-data; name="max\nrejects"'],
  ])('refuses a part %s, wherever it is, and keeps nothing', async (_what, header) => {
    const part = (head: string, body: string) => `--xyz\r\n${head}\r\n\r\n${body}\r\n`;
    const good = [
      part('Content-Disposition: form-data; name="user_id"', 'ana'),
      part('Content-Disposition: form-data; name="file"; filename="a.csv"', 'a,b\n1,2'),
    ];
    for (const place of [0, 1, 2]) {
      const response = await fetch(`${api.url}/upload/start`, {
        method: 'POST',
        headers: { 'content-type': 'multipart/form-data; boundary=xyz' },
        body: `${good.toSpliced(place, 0, part(header, '7')).join('')}--xyz--\r\n`,
      });
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ code: 'invalid_request', errors: [{ field: '' }] });
      expect(await added()).toBe(0);
    }
  });

  it('refuses a form without its file, and keeps nothing', async () => {
    for (const fields of [[['user_id', 'ana']], []] as [string, string][][]) {
      const { status, json } = await api.form(fields);
      expect([status, json.code, json.errors?.[0].field]).toEqual([400, 'invalid_request', 'file']);
      expect(json.detail).toContain('sample');
    }
    expect(await added()).toBe(0);
  });

  it('keeps nothing of a client that disconnects, at any point', async () => {
    const head =
      'POST /upload/start HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=xyz\r\nContent-Length: 900000\r\n\r\n';
    const user = '--xyz\r\nContent-Disposition: form-data; name="user_id"\r\n\r\nana\r\n';
    const start = '--xyz\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\na,b\n';
    for (const sent of [
      user,
      user + start,
      user + start + '1,2\n'.repeat(50_000),
      `${start}1,2\n\r\n${user.slice(0, -4)}`,
    ]) {
      const socket = net.connect(Number(new URL(api.url).port), '127.0.0.1');
      socket.on('error', () => {});
      socket.write(head + sent);
      await sleep(100);
      socket.destroy();
    }
    await sleep(200);
    expect(await added()).toBe(0);
  });

  it('says what is wrong with a form that ends too early', async () => {
    const response = await fetch(`${api.url}/upload/start`, {
      method: 'POST',
      headers: { 'content-type': 'multipart/form-data; boundary=xyz' },
      body: '--xyz\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\na,b\n1',
    });
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([400, 'invalid_request']);
    expect(await added()).toBe(0);
  });
});

describe('a form of corrected rows that is not as it should be', () => {
  const part = (disposition: string, body: string) =>
    `--xyz\r\nContent-Disposition: form-data; ${disposition}\r\n\r\n${body}\r\n`;
  const file = part('name="file"; filename="rejects.csv"', 'row,raw\n1,"a"');
  const user = part('name="user_id"', 'ana');
  const task = part('name="task_name"', 'none');

  it.each([
    ['a field twice', `${user}${user}${task}${file}--xyz--\r\n`, 'user_id'],
    ['a file twice', `${user}${task}${file}${file}--xyz--\r\n`, 'file'],
    ['a file of another name', `${user}${task}${part('name="rows"; filename="a.csv"', 'x')}--xyz--\r\n`, 'rows'],
    ['a part without a name', `${user}${task}${part('x="y"', 'z')}${file}--xyz--\r\n`, ''],
    ['no file', `${user}${task}--xyz--\r\n`, 'file'],
    ['an early end', `${user}${task}--xyz\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nrow`],
  ])('is refused with %s', async (_what, body, field?: string) => {
    const response = await fetch(`${api.url}/upload/rejects`, {
      method: 'POST',
      headers: { 'content-type': 'multipart/form-data; boundary=xyz' },
      body,
    });
    const { code, errors } = (await response.json()) as { code: string; errors?: { field: string }[] };
    expect([response.status, code, errors?.[0]?.field]).toEqual([400, 'invalid_request', field]);
  });

  it('is answered before it has arrived where its file is too large', async () => {
    const form = new FormData();
    form.set('user_id', 'ana');
    form.set('task_name', 'none');
    form.set('file', new Blob([Buffer.alloc(64 << 20, 'x')]), 'rejects.csv');
    const response = await fetch(`${api.url}/upload/rejects`, { method: 'POST', body: form });
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([413, 'file_too_large']);
  });
});
