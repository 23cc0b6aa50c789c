-- Up Migration

-- How far a task had come when it began to roll back: its parts go then, and the progress that is shown must not fall.
ALTER TABLE long_task.tasks ADD COLUMN progress_reached double precision NOT NULL DEFAULT 0;

-- Down Migration

ALTER TABLE long_task.tasks DROP COLUMN progress_reached;
