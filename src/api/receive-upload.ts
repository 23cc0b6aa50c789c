import type { Multipart, MultipartFile } from '@fastify/multipart';
import type { FastifyRequest } from 'fastify';
import { TaskError } from '../contract/errors.js';
import type { Source } from '../contract/task.js';
import { typedFields } from '../http/form-fields.js';
import { watchForSkippedParts } from '../http/skipped-parts.js';
import { invalidRequest } from '../http/validation.js';
import { checkColumnsEarly, checkHead, type FileOptions } from '../intake/check-head.js';
import { sniffed } from '../intake/first-bytes.js';
import type { ScannedPart } from '../intake/scan-part.js';
import { newSourceKey } from '../storage/keys.js';
import type { ApiContext } from './context.js';

/** Looks at the fields that stand before the file, so that a bad request is refused before its file is taken. */
export type CheckEarly = (fields: Record<string, unknown>) => Promise<void>;

/** What a form held: its fields, and the file, stored already. */
export interface Received {
  fields: Record<string, unknown>;
  source: Source | null;
  inspected: Inspected | null;
}

/** What was found in a file while it arrived, read by these options. */
export interface Inspected extends FileOptions {
  parts: ScannedPart[];
}

/**
 * Reads a multipart form whose file part streams into the store, wherever in the form it stands. When anything is wrong,
 * or the client goes away, the file is removed.
 * @throws {TaskError} invalid_request, file_too_large, not_a_text_file, …
 */
export async function receiveUpload(
  request: FastifyRequest,
  context: ApiContext,
  checkEarly: CheckEarly,
): Promise<Received> {
  const received: Received = { fields: {}, source: null, inspected: null };
  const refuseSkipped = watchForSkippedParts(request);
  let parts = 0;
  try {
    for await (const part of request.parts()) {
      parts++;
      // RFC 7578, 4.2: every part has one.
      if (part.fieldname === undefined) throw invalidRequest([{ field: '', detail: 'is a part without a name' }]);
      if (part.type === 'field') addField(received.fields, part);
      else await receiveFile(part, received, context, checkEarly);
    }
    refuseSkipped(parts);
    return received;
  } catch (error) {
    discardRest(request);
    if (received.source) await context.store.remove(received.source.key);
    if (request.raw.destroyed && !request.raw.complete) {
      request.log.info('the client went away in the middle of its upload; nothing was stored');
      throw brokenOff(error);
    }
    throw isMalformed(error) ? brokenOff(error) : error;
  }
}

// The parser throws plain errors: without a code, and with these words.
function isMalformed(error: unknown): boolean {
  const { code, message } = error as { code?: string; message: string };
  return code === undefined && /multipart|boundary|terminated early|malformed/i.test(message);
}

function brokenOff(cause: unknown): TaskError {
  return new TaskError(
    'invalid_request',
    'The form ends too early or is not well formed. Nothing was stored.',
    {},
    { cause },
  );
}

function addField(
  fields: Record<string, unknown>,
  { fieldname, value, valueTruncated, fieldnameTruncated }: Exclude<Multipart, MultipartFile>,
): void {
  if (fieldname === 'file')
    throw invalidRequest([{ field: 'file', detail: 'must be a file part: give it a filename' }]);
  if (Object.hasOwn(fields, fieldname)) throw invalidRequest([{ field: fieldname, detail: 'is given twice' }]);
  if (valueTruncated || fieldnameTruncated)
    throw invalidRequest([{ field: fieldname.slice(0, 100), detail: 'is too long' }]);
  Object.assign(fields, typedFields({ [fieldname]: value }));
}

async function receiveFile(
  part: MultipartFile,
  received: Received,
  context: ApiContext,
  checkEarly: CheckEarly,
): Promise<void> {
  try {
    if (part.fieldname !== 'file')
      throw invalidRequest([
        { field: part.fieldname.slice(0, 100), detail: 'is not known here; the file is sent as "file"' },
      ]);
    if (received.source) throw invalidRequest([{ field: 'file', detail: 'is given twice' }]);
    if (!part.filename.trim())
      throw invalidRequest([{ field: 'file', detail: 'has an empty filename; choose a file, or give it a filename' }]);
    await checkEarly(received.fields);
    const key = newSourceKey();
    const { dialect, columns } = received.fields as FileOptions;
    const arrival = context.arrivals.begin(dialect);
    const checks = {
      assertText: context.assertText,
      early: (head: Buffer) => checkColumnsEarly(head, { dialect, columns }),
    };
    const file = arrival.watch(sniffed(part.file, checks), (head, isWhole) =>
      checkHead(head, isWhole, { dialect, columns }),
    );
    const stored = await context.store.put(key, file, { maxBytes: context.config.MAX_UPLOAD_BYTES });
    received.source = { key, filename: cleanFilename(part.filename), ...stored };
    received.inspected = { dialect, columns, parts: await arrival.parts() };
  } catch (error) {
    part.file.destroy();
    throw error;
  }
}

/** Only shown to people, never a path: control characters and half surrogate pairs go. */
function cleanFilename(name: string): string {
  const clean = [...name.replace(/[\p{Cc}\p{Cs}]/gu, '')].slice(-200).join('');
  return clean || 'upload.csv';
}

/** How long a client that was refused may go on sending. */
const LINGER_MS = 10_000;

/**
 * Reads what a refused client still sends into nothing, for a while: closing at once would reset the connection, and the
 * answer would be lost on the way (RFC 9112, 9.6).
 */
function discardRest({ raw }: FastifyRequest): void {
  if (raw.destroyed || raw.complete) return;
  raw.unpipe();
  raw.resume();
  const timer = setTimeout(() => {
    if (!raw.complete) raw.socket.destroy();
  }, LINGER_MS);
  timer.unref();
  raw.once('close', () => clearTimeout(timer));
}
