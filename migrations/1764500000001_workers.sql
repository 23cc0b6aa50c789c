-- Up Migration

-- Every worker writes here every few seconds that it runs, so that a task whose workers are gone or frozen can say so.
CREATE TABLE long_task.workers (
  id      uuid PRIMARY KEY,
  seen_at timestamptz NOT NULL
);

-- Down Migration

DROP TABLE long_task.workers;
