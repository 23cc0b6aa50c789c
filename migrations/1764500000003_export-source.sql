-- Up Migration

-- The table of an export by its oid and its columns by their numbers, as plan found them: names may change while it is read.
-- Null for an export that an earlier version planned: it is planned again.
ALTER TABLE long_task.tasks ADD COLUMN export_source jsonb;

-- Down Migration

ALTER TABLE long_task.tasks DROP COLUMN export_source;
