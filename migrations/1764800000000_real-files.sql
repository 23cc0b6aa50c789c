-- Up Migration

-- What an export with like_source has to know of the uploaded file beside its dialect.
ALTER TABLE long_task.tasks ADD COLUMN source_style jsonb;

-- The whole record, byte for byte, so that it can be corrected and sent back; and which fault it is.
ALTER TABLE long_task.rejects ALTER COLUMN raw TYPE bytea USING convert_to(raw, 'UTF8');
ALTER TABLE long_task.rejects ADD COLUMN code text NOT NULL DEFAULT 'refused_value';

-- Down Migration

ALTER TABLE long_task.rejects DROP COLUMN code;
ALTER TABLE long_task.rejects ALTER COLUMN raw TYPE text USING encode(raw, 'escape');
ALTER TABLE long_task.tasks DROP COLUMN source_style;
