-- Up Migration

-- Every worker writes here every few seconds that it runs, so that a task whose worker is gone or frozen can say so.
CREATE TABLE long_task.workers (
  id         uuid PRIMARY KEY,
  task_queue text NOT NULL,
  seen_at    timestamptz NOT NULL
);

-- Down Migration

DROP TABLE long_task.workers;
