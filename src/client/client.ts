import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Preview, TaskPage, TaskWithEvents } from '../contract/answers.js';
import type { ActionsAnswer, Live, Ready, Usage } from '../contract/operator-answers.js';
import type { ActionsBody, ListQuery } from '../contract/operator-requests.js';
import type { CommandBody, DownloadStart, PreviewBody, UploadStart } from '../contract/requests.js';
import type { Action, Kind, State } from '../contract/states.js';
import { isFinal } from '../contract/states.js';
import type { Task } from '../contract/task.js';
import { ApiError } from './api-error.js';
import { type Call, call, callJson } from './call.js';
import { bodyOf, saveResult } from './save-result.js';
import { type FileSource, filenameOf, sendUploadForm } from './upload-form.js';

/** Names a task. */
export interface TaskKey {
  kind: Kind;
  user_id: string;
  task_name: string;
}

/** Names the task of a start, which knows its kind by its address: a key with or without it will do. */
export type TaskName = Pick<TaskKey, 'user_id' | 'task_name'>;

/** Fields of a start request other than the task's name. */
export type UploadFields = Omit<UploadStart, keyof TaskName>;
export type PreviewFields = Omit<PreviewBody, 'user_id'>;
export type DownloadFields = Omit<DownloadStart, keyof TaskName>;

export interface StartOptions {
  /** Makes the same request, sent again, start nothing new. */
  idempotencyKey?: string;
}

export interface UploadOptions extends StartOptions {
  /** The name to record of the file. Default: the name in its path. */
  filename?: string;
  /** Fields that come after the file in the form. */
  fieldsAfter?: UploadFields;
}

/** A task and the ETag of the answer, for the next `getIfChanged`. */
export interface TaggedTask {
  task: TaskWithEvents;
  etag: string;
}

/**
 * A client of the REST API: one method per operation, with the types of the contract. Every method throws an ApiError
 * when the API refuses, and the error of node when there is no answer.
 */
export class LongTaskClient {
  constructor(readonly api: string) {}

  /** Starts an upload with a file of this machine, with bytes or with a stream of them. */
  upload(key: TaskName, source: FileSource, fields: UploadFields = {}, options: UploadOptions = {}): Promise<Task> {
    return sendUploadForm(new URL('/upload/start', this.api), {
      source,
      filename: options.filename ?? filenameOf(source),
      fields: { ...nameOf(key), ...fields },
      fieldsAfter: options.fieldsAfter,
      headers: headersOf(options),
    });
  }

  /** Shows how a file would be loaded, by its first MiB. Nothing is stored. */
  preview(user_id: string, source: FileSource, fields: PreviewFields = {}): Promise<Preview> {
    const form = { source, filename: filenameOf(source), fields: { user_id, ...fields } };
    return sendUploadForm(new URL('/upload/preview', this.api), form);
  }

  /** Starts an upload of `sample_data.csv`. */
  uploadSample(key: TaskName, fields: UploadFields = {}, options: StartOptions = {}): Promise<Task> {
    return this.#json('/upload/start', { body: { ...nameOf(key), ...fields }, headers: headersOf(options) });
  }

  /** Starts an export of a table, or of the upload of the same name. */
  download(key: TaskName, fields: DownloadFields = {}, options: StartOptions = {}): Promise<Task> {
    return this.#json('/download/start', { body: { ...nameOf(key), ...fields }, headers: headersOf(options) });
  }

  /** Pauses, resumes or terminates a task. Only the resume of an upload takes `max_rejects`. */
  command(action: Action, key: TaskKey, options: CommandOptions = {}): Promise<Task> {
    return this.#json(`/${key.kind}/${action}`, { body: { ...nameOf(key), ...options } });
  }

  pause(key: TaskKey, options: Pick<CommandOptions, 'reason'> = {}): Promise<Task> {
    return this.command('pause', key, options);
  }

  resume(key: TaskKey, options: CommandOptions = {}): Promise<Task> {
    return this.command('resume', key, options);
  }

  terminate(key: TaskKey, options: Pick<CommandOptions, 'reason'> = {}): Promise<Task> {
    return this.command('terminate', key, options);
  }

  /** Commands many tasks at once, by a filter or by name; the answer says of each what came of it. */
  commandMany(body: ActionsBody): Promise<ActionsAnswer> {
    return this.#json('/tasks/actions', { body });
  }

  /** Reads a task. */
  progress(key: TaskKey): Promise<TaskWithEvents> {
    return this.#json(`/${key.kind}/progress`, { body: nameOf(key) });
  }

  /** Reads a task with its ETag. */
  async get(key: TaskKey): Promise<TaggedTask> {
    return (await this.getIfChanged(key)) as TaggedTask;
  }

  /** Reads a task, or returns undefined while it is as the ETag says. */
  async getIfChanged(key: TaskKey, etag?: string): Promise<TaggedTask | undefined> {
    const headers: Record<string, string> = etag === undefined ? {} : { 'If-None-Match': etag };
    const answer = await this.#call(pathOf(key), { query: userOf(key), headers, accept: 304 });
    if (answer.status === 304) return undefined;
    return { task: (await answer.json()) as TaskWithEvents, etag: answer.headers.get('etag') as string };
  }

  /** Lists tasks page by page, from `after` on; each page is requested when the one before has been read. */
  async *list(query: ListQuery = {}): AsyncGenerator<TaskPage, void> {
    for (let after = query.after; ; ) {
      const page = await this.listPage({ ...query, after });
      yield page;
      if (page.next === null) return;
      after = page.next;
    }
  }

  listPage(query: ListQuery = {}): Promise<TaskPage> {
    return this.#json('/tasks', { query });
  }

  /** Reads the rejected rows of an upload, as CSV. */
  async rejects(key: TaskName): Promise<Readable> {
    return bodyOf(await this.#call(`${pathOf({ ...key, kind: 'upload' })}/rejects`, { query: userOf(key) }));
  }

  /** Reads the result file of a completed download from a byte on, the first by default. */
  async result(key: TaskName, from = 0): Promise<Readable> {
    const headers: Record<string, string> = from > 0 ? { Range: `bytes=${from}-` } : {};
    const answer = await this.#call(resultPath(key), { query: userOf(key), headers });
    if (from === 0 || answer.status === 206) return bodyOf(answer);
    await answer.body?.cancel();
    throw new ApiError(answer.status, { detail: `The answer is the whole file, not the bytes from ${from} on.` });
  }

  /** Saves the result file of a completed download as `file`; `saveResult` says what happens when it is cut off. */
  saveResult(key: TaskName, file: string): Promise<void> {
    return saveResult(this.api, resultPath(key), userOf(key), file);
  }

  /** Deletes a task that has ended. Returns whether nothing remains; else the service removes the rest later. */
  async delete(key: TaskKey, options: { drop_table?: boolean } = {}): Promise<boolean> {
    const query = { ...userOf(key), ...options };
    return (await this.#call(pathOf(key), { method: 'DELETE', query })).status === 204;
  }

  /** Sums what is stored, of one user or of all. */
  usage(user_id?: string): Promise<Usage> {
    return this.#json('/usage', { query: { user_id } });
  }

  /** Tells that the API's process runs. */
  live(): Promise<Live> {
    return this.#json('/health/live');
  }

  /** Tells whether the service is ready, and which of its parts are not; that is an answer, no error. */
  ready(): Promise<Ready> {
    return this.#json('/health/ready', { accept: 503 });
  }

  /**
   * Asks until the task is in one of the states; `onProgress` sees each answer.
   * @throws Error when the task ends in another one, with its error
   */
  async waitFor(key: TaskKey, states: State[], onProgress: (task: Task) => void = () => {}): Promise<TaskWithEvents> {
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

  #call(path: string, request?: Call): Promise<Response> {
    return call(this.api, path, request);
  }

  #json<T>(path: string, request?: Call): Promise<T> {
    return callJson<T>(this.api, path, request);
  }
}

export type CommandOptions = Omit<CommandBody, keyof TaskName>;

/** Rare enough that asking does not slow the task down. */
const ASK_EVERY_MS = 200;

function nameOf({ user_id, task_name }: TaskName): TaskName {
  return { user_id, task_name };
}

function userOf({ user_id }: TaskName): { user_id: string } {
  return { user_id };
}

function pathOf({ kind, task_name }: Pick<TaskKey, 'kind' | 'task_name'>): string {
  return `/tasks/${kind}/${encodeURIComponent(task_name)}`;
}

function resultPath(key: TaskName): string {
  return `${pathOf({ ...key, kind: 'download' })}/file`;
}

function headersOf({ idempotencyKey }: StartOptions): Record<string, string> {
  return idempotencyKey === undefined ? {} : { 'Idempotency-Key': idempotencyKey };
}
