import { randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Action, Kind, State } from '../src/contract/states.js';
import { isFinal } from '../src/contract/states.js';
import type { Task } from '../src/contract/task.js';

/** Which task is meant. */
export interface TaskKey {
  kind: Kind;
  user_id: string;
  task_name: string;
}

/** A start request knows its kind by its address: a key with or without it will do. */
export type TaskName = Pick<TaskKey, 'user_id' | 'task_name'>;

/** Fields of a start request beside the task's key. */
export type StartFields = Record<string, string | number | boolean | string[]>;

/** An answer other than 2xx: the problem document, or what came instead of one. */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(
    readonly status: number,
    readonly problem: { code?: string; detail?: string; current_state?: State },
  ) {
    super(`${status} ${problem.code ?? ''}: ${problem.detail ?? JSON.stringify(problem)}`);
  }
}

/** A small client of the REST API: one method per verb, each with the Task of the answer. */
export class LongTaskClient {
  constructor(readonly api: string) {}

  /** Starts an upload with the file at `file`, sent as multipart from disk, a piece at a time. Some fields may stand behind it. */
  async upload(key: TaskName, file: string, fields: StartFields = {}, behind: StartFields = {}): Promise<Task> {
    const boundary = `long-task-${randomUUID()}`;
    const asForm = (values: StartFields) =>
      Object.entries(values)
        .map(([name, value]) => formField(boundary, name, String(value)))
        .join('');
    const disposition = `form-data; name="file"; filename="${encodeURIComponent(path.basename(file))}"`;
    const fileHead = `--${boundary}\r\nContent-Disposition: ${disposition}\r\nContent-Type: text/csv\r\n\r\n`;
    const head = Buffer.from(asForm({ ...nameOf(key), ...fields }) + fileHead);
    const tail = Buffer.from(`\r\n${asForm(behind)}--${boundary}--\r\n`);
    const length = head.length + (await stat(file)).size + tail.length;
    const request = http.request(new URL('/upload/start', this.api), {
      method: 'POST',
      headers: { 'Content-Type': `multipart/form-data; boundary=${boundary}`, 'Content-Length': length },
    });
    const answered = new Promise<http.IncomingMessage>((resolve, reject) => {
      request.once('response', resolve);
      request.once('error', reject);
    });
    // node:http, because fetch with a FormData costs five times the processor time, which the service then lacks. For the same
    // reason bench and demo are run with room on the heap from the start (package.json): it costs no more than curl then.
    const sent = pipeline(async function* () {
      yield head;
      yield* createReadStream(file, { highWaterMark: 1 << 20 });
      yield tail;
    }, request);
    const response = await Promise.race([answered, sent.then(() => answered)]);
    return readAnswer(response.statusCode as number, await text(response));
  }

  /** Starts an upload of `sample_data.csv`. */
  uploadSample(key: TaskName, fields: StartFields = {}): Promise<Task> {
    return this.#post('/upload/start', { ...nameOf(key), ...fields });
  }

  download(key: TaskName, fields: StartFields = {}): Promise<Task> {
    return this.#post('/download/start', { ...nameOf(key), ...fields });
  }

  command(action: Action, { kind, ...key }: TaskKey, reason?: string): Promise<Task> {
    return this.#post(`/${kind}/${action}`, { ...key, ...(reason !== undefined && { reason }) });
  }

  progress({ kind, ...key }: TaskKey): Promise<Task> {
    return this.#post(`/${kind}/progress`, key);
  }

  /**
   * Asks until the task is in one of the states; `onProgress` sees each answer.
   * @throws Error when the task ends in another one, with its error
   */
  async waitFor(key: TaskKey, states: State[], onProgress: (task: Task) => void = () => {}): Promise<Task> {
    for (;;) {
      const task = await this.progress(key);
      onProgress(task);
      if (states.includes(task.state)) return task;
      if (isFinal(task.state)) {
        throw new Error(
          `${task.workflow_id} is ${task.state}, not ${states.join(' or ')}: ${task.error?.detail ?? 'no error'}`,
        );
      }
      await sleep(ASK_EVERY_MS);
    }
  }

  /** Follows the download link of a completed download into `file`. */
  async saveFile(task: Task, file: string): Promise<void> {
    if (!task.download_url) throw new Error(`${task.workflow_id} has no download link`);
    const response = await fetch(new URL(task.download_url, this.api));
    if (!response.ok || !response.body) readAnswer(response.status, await response.text());
    await pipeline(Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]), createWriteStream(file));
  }

  async #post(route: string, body: object): Promise<Task> {
    const response = await fetch(new URL(route, this.api), {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    return readAnswer(response.status, await response.text());
  }
}

/** Rare enough that asking does not slow the task down. */
const ASK_EVERY_MS = 200;

function nameOf({ user_id, task_name }: TaskName): TaskName {
  return { user_id, task_name };
}

function formField(boundary: string, name: string, value: string): string {
  return `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
}

function readAnswer(status: number, body: string): Task {
  let answer: object;
  try {
    answer = JSON.parse(body);
  } catch {
    answer = { detail: body.slice(0, 200) };
  }
  if (status < 200 || status > 299) throw new ApiError(status, answer);
  return answer as Task;
}
