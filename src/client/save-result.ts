import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ApiError } from './api-error.js';
import { call } from './call.js';

/** Returns the bytes of an answer as a stream. */
export function bodyOf(response: Response): Readable {
  return Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]);
}

/** Where a result file is, and what it holds: its ETag is its SHA-256. */
interface Remote {
  api: string;
  path: string;
  query: object;
  etag: string;
  size: number;
}

/**
 * Saves a result file as `file`, which appears only when it is whole. The bytes come into `<file>.<hash>.part`. Where
 * the connection breaks, the same call continues as long as each attempt brings bytes; a later call continues after
 * that.
 * @throws {ApiError}
 * @throws {Error} when an attempt brings no bytes, or the bytes are not those that the ETag names
 */
export async function saveResult(api: string, path: string, query: object, file: string): Promise<void> {
  const { headers } = await call(api, path, { method: 'HEAD', query });
  const etag = headers.get('etag') ?? '';
  const remote = { api, path, query, etag, size: Number(headers.get('content-length')) };
  const sha256 = etag.replaceAll('"', '');
  const part = `${file}.${sha256.slice(0, 16)}.part`;
  await fetchRest(remote, part);
  if ((await sha256Of(part)) !== sha256) {
    await rm(part, { force: true });
    throw new Error(`${path} came with other bytes than its ETag names. Save it again.`);
  }
  await rename(part, file);
}

async function fetchRest(remote: Remote, part: string): Promise<void> {
  for (let saved = await sizeOf(part); saved < remote.size; ) {
    const before = saved;
    const failure: unknown = await append(remote, part, saved).then(
      () => undefined,
      (error: unknown) => error,
    );
    saved = await sizeOf(part);
    if (failure !== undefined && (saved === before || failure instanceof ApiError)) throw failure;
  }
}

/** If-Range: of a file that has another content by now, the answer is the whole of it, which is never mixed in. */
async function append({ api, path, query, etag }: Remote, part: string, from: number): Promise<void> {
  const headers: Record<string, string> = from > 0 ? { Range: `bytes=${from}-`, 'If-Range': etag } : {};
  const response = await call(api, path, { query, headers });
  if (response.headers.get('etag') !== etag || response.status !== (from > 0 ? 206 : 200)) {
    await response.body?.cancel();
    throw new ApiError(response.status, { detail: `${path} changed while it was saved. Save it again.` });
  }
  await pipeline(bodyOf(response), createWriteStream(part, { flags: 'a' }));
}

/** The bytes of a file, 0 of a new one, which is made. */
async function sizeOf(file: string): Promise<number> {
  await using handle = await open(file, 'a');
  return (await handle.stat()).size;
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
