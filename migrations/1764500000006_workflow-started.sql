-- Up Migration

-- Whether a workflow was started for this very task: a run of the same id may belong to the task that had the name before.
ALTER TABLE long_task.tasks ADD COLUMN workflow_started boolean NOT NULL DEFAULT true;
ALTER TABLE long_task.tasks ALTER COLUMN workflow_started SET DEFAULT false;
CREATE INDEX tasks_history ON long_task.tasks (lock_key DESC) WHERE superseded_at IS NOT NULL;

-- Down Migration

DROP INDEX long_task.tasks_history;
ALTER TABLE long_task.tasks DROP COLUMN workflow_started;
