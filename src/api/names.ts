import { randomInt } from 'node:crypto';
import { invalidRequest, TaskError } from '../contract/errors.js';
import { workflowId } from '../contract/messages.js';
import type { WrittenName } from '../tables/find-table.js';
import type { TaskKey } from '../tasks/tasks.js';

const LONGEST_BASE = 100;
/** Temporal's limit for ids (docs.temporal.io/workflow-execution/limits). */
const LONGEST_WORKFLOW_ID = 1000;
const ALPHABET = 'abcdefghijkmnpqrstuvwxyz23456789';

/** A task name made of a word or a table's name and six random characters, such as `sales-k3x9ab`. */
export function generateTaskName(from: string): string {
  const base = from
    .replace(/\.[A-Za-z0-9]{1,5}$/, '')
    .normalize('NFC')
    .replace(/[^\p{L}\p{M}\p{N}._\-@:+ ]+/gu, '-')
    .replace(/^[- .]+|[- .]+$/g, '');
  const random = Array.from({ length: 6 }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
  return `${[...base].slice(0, LONGEST_BASE).join('') || 'task'}-${random}`;
}

/** @throws {TaskError} invalid_request when user and task name together are too long for a workflow id */
export function checkNameLength({ kind, userId, taskName }: TaskKey): void {
  if (Buffer.byteLength(workflowId(kind, userId, taskName)) <= LONGEST_WORKFLOW_ID) return;
  throw invalidRequest([
    {
      field: 'task_name',
      value: taskName.slice(0, 100),
      detail: 'must be shorter: together with user_id it may take 980 bytes',
    },
  ]);
}

/**
 * Reads `schema.name`, where either may be quoted as in SQL (manual, 4.1.1): `public.sales`, `"My schema"."a.b"`.
 * @throws {TaskError} invalid_request
 */
export function parseTableName(text: string): { schema: WrittenName; table: WrittenName } {
  const match = /^("(?:[^"]|"")+"|[^".]+)\.("(?:[^"]|"")+"|[^".]+)$/su.exec(text);
  if (!match) {
    throw invalidRequest([
      {
        field: 'table',
        value: text.slice(0, 100),
        detail: 'must be a table as schema.name, with names quoted where they hold a dot or a quote',
      },
    ]);
  }
  return { schema: unquote(match[1]!), table: unquote(match[2]!) };
}

function unquote(written: string): WrittenName {
  if (!written.startsWith('"')) return { name: written.trim(), quoted: false };
  return { name: written.slice(1, -1).replaceAll('""', '"'), quoted: true };
}

/** @throws {TaskError} table_not_found, in the caller's own words */
export function noSuchTable(written: string): never {
  throw new TaskError('table_not_found', `There is no table ${written.slice(0, 200)} that can be exported.`);
}
