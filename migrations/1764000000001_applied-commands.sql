-- Up Migration

-- Commands that reached a workflow first (signals, native cancel) and were applied: an activity that is tried again, or a zombie
-- that wakes late, must not apply one a second time, after others have come.
CREATE TABLE long_task.applied_commands (
  task_id uuid NOT NULL REFERENCES long_task.tasks ON DELETE CASCADE,
  key     text NOT NULL,
  PRIMARY KEY (task_id, key)
);

-- Down Migration

DROP TABLE long_task.applied_commands;
