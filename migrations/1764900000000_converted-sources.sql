-- Up Migration

-- What the engine reads in place of the uploaded file, where that is not plain: its key, size, SHA-256, how its records
-- were read, and the repairs.
ALTER TABLE long_task.tasks ADD COLUMN converted jsonb;

-- Down Migration

ALTER TABLE long_task.tasks DROP COLUMN converted;
