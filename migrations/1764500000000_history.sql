-- Up Migration

-- A failed or terminated task gives up its name when a new start takes it: the old row stays as history.
ALTER TABLE long_task.tasks ADD COLUMN superseded_at timestamptz;
ALTER TABLE long_task.tasks DROP CONSTRAINT tasks_kind_user_id_task_name_key;
CREATE UNIQUE INDEX tasks_name ON long_task.tasks (kind, user_id, task_name) WHERE superseded_at IS NULL;

-- What the caller should know although nothing failed, one sentence each.
ALTER TABLE long_task.tasks ADD COLUMN warnings text[] NOT NULL DEFAULT '{}';

-- Down Migration

ALTER TABLE long_task.tasks DROP COLUMN warnings;
DELETE FROM long_task.tasks WHERE superseded_at IS NOT NULL;
DROP INDEX long_task.tasks_name;
ALTER TABLE long_task.tasks ADD UNIQUE (kind, user_id, task_name);
ALTER TABLE long_task.tasks DROP COLUMN superseded_at;
