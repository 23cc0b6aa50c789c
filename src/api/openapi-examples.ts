/** An example request of the OpenAPI document, with its answer. A test sends them all, in this order. */
export interface Example {
  path?: Record<string, string>;
  query?: Record<string, string>;
  body?: Record<string, unknown>;
  /** The tasks are what the examples before have made. */
  status: number;
}

const ana = { user_id: 'ana' };
const sales = { ...ana, task_name: 'sales' };
const export1 = { ...ana, task_name: 'sales-export' };

/** By the id of the operation. */
export const EXAMPLES: Record<string, Example> = {
  root: { status: 200 },
  live: { status: 200 },
  ready: { status: 200 },
  previewUpload: { body: { ...ana, rows: 3 }, status: 200 },
  startUpload: { body: { ...sales, max_rejects: 10, columns: { 'Order ID': 'text' } }, status: 202 },
  progressOfUpload: { body: sales, status: 200 },
  pauseUpload: { body: { ...sales, reason: 'the server is busy' }, status: 202 },
  resumeUpload: { body: { ...sales, max_rejects: 100 }, status: 200 },
  getUpload: { path: { task_name: 'sales' }, query: ana, status: 200 },
  // Only a form has a file.
  correctRejects: { body: sales, status: 415 },
  listRejects: { path: { task_name: 'sales' }, query: ana, status: 200 },
  listTasks: { query: { ...ana, state: 'running,paused', sort: '-created', limit: '20' }, status: 200 },
  metrics: { status: 200 },
  usage: { query: ana, status: 200 },
  terminateUpload: { body: { ...sales, reason: 'the wrong file' }, status: 202 },
  startDownload: { body: { ...export1, table: 'public.sales', consistency: 'frozen' }, status: 202 },
  progressOfDownload: { body: export1, status: 200 },
  pauseDownload: { body: export1, status: 202 },
  resumeDownload: { body: export1, status: 200 },
  getDownload: { path: { task_name: 'sales-export' }, query: ana, status: 200 },
  getResultFile: { path: { task_name: 'sales-export' }, query: ana, status: 409 },
  terminateDownload: { body: export1, status: 202 },
  commandTasks: { body: { action: 'pause', filter: { user_id: 'ana', state: 'running' }, dry_run: true }, status: 200 },
  deleteUpload: { path: { task_name: 'sales' }, query: { ...ana, drop_table: 'true' }, status: 204 },
  deleteDownload: { path: { task_name: 'sales-export' }, query: ana, status: 204 },
};
