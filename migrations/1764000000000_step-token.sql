-- Up Migration

-- Written by every attempt that begins a step (inspect, prepare, publish, plan, assemble): an older attempt commits nothing more.
ALTER TABLE long_task.tasks ADD COLUMN step_token uuid;

-- Down Migration

ALTER TABLE long_task.tasks DROP COLUMN step_token;
