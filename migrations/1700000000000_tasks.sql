-- Up Migration

CREATE SCHEMA IF NOT EXISTS long_task;
CREATE SCHEMA long_task_staging;

-- One row per task: the truth about it. Temporal carries the control flow, this row says what is the case.
CREATE TABLE long_task.tasks (
  id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  -- Second half of the advisory lock that is the task's fence; also the short number in session and object names.
  lock_key        integer GENERATED ALWAYS AS IDENTITY UNIQUE,
  kind            text NOT NULL CHECK (kind IN ('upload', 'download')),
  user_id         text NOT NULL,
  task_name       text NOT NULL,
  workflow_id     text NOT NULL,
  state           text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'pausing', 'paused', 'terminating',
                    'terminated', 'rollback_failed', 'completed', 'failed')),
  phase           text,
  -- Raised by every command: a writer that was given an older epoch can commit nothing more.
  epoch           bigint NOT NULL DEFAULT 1,
  version         bigint NOT NULL DEFAULT 1,
  pause_reasons   text[] NOT NULL DEFAULT '{}',
  options         jsonb NOT NULL,
  source          jsonb,
  dialect         jsonb,
  columns         jsonb,
  data_offset     bigint,
  bytes_total     bigint,
  rows_total      bigint,
  rows_rejected   bigint NOT NULL DEFAULT 0,
  -- How far the task had come when it began to roll back: its parts go then, and the progress that is shown must not fall.
  progress_reached double precision NOT NULL DEFAULT 0,
  -- The staging table, or the frozen copy of an export: known by its oid, so that no other table is ever touched.
  staging_oid     oid,
  table_oid       oid,
  table_name      text,
  result          jsonb,
  receipt         jsonb,
  error           jsonb,
  -- A command that is recorded here and not yet delivered to the workflow.
  undelivered     text,
  idempotency_key  text,
  idempotency_hash text,
  phase_seconds   jsonb NOT NULL DEFAULT '{}',
  active_seconds  double precision NOT NULL DEFAULT 0,
  paused_seconds  double precision NOT NULL DEFAULT 0,
  state_since     timestamptz NOT NULL DEFAULT now(),
  phase_since     timestamptz NOT NULL DEFAULT now(),
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  finished_at     timestamptz,
  UNIQUE (kind, user_id, task_name)
);
CREATE UNIQUE INDEX tasks_idempotency ON long_task.tasks (kind, user_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX tasks_unfinished ON long_task.tasks (updated_at) WHERE state NOT IN ('terminated', 'completed', 'failed');
CREATE INDEX tasks_listed ON long_task.tasks (lock_key DESC);

-- A part is a record-aligned byte range of the source (upload) or a key range of the table (download), with its checkpoint.
CREATE TABLE long_task.parts (
  task_id     uuid NOT NULL REFERENCES long_task.tasks ON DELETE CASCADE,
  part_no     integer NOT NULL,
  -- Upload: what inspect found. Rows count from 1 over the whole file.
  byte_from   bigint,
  byte_to     bigint,
  first_row   bigint,
  rows        bigint,
  sha256      text,
  evidence    jsonb,
  -- Download: the range, open where null, and the object that counts.
  key_from    text[],
  key_to      text[],
  object      text,
  -- The checkpoint. Only the attempt that holds the token moves it, in the transaction of the rows.
  token       uuid,
  byte_offset bigint,
  rows_done   bigint NOT NULL DEFAULT 0,
  bytes_done  bigint NOT NULL DEFAULT 0,
  rejected    bigint NOT NULL DEFAULT 0,
  done        boolean NOT NULL DEFAULT false,
  PRIMARY KEY (task_id, part_no)
) WITH (fillfactor = 50);

-- Rows of the file that are not in the table, and why.
CREATE TABLE long_task.rejects (
  task_id     uuid NOT NULL REFERENCES long_task.tasks ON DELETE CASCADE,
  row_no      bigint NOT NULL,
  byte_offset bigint NOT NULL,
  column_name text,
  value       text,
  reason      text NOT NULL,
  raw         text NOT NULL,
  PRIMARY KEY (task_id, row_no)
);

-- Every change of state: who, by which channel, why, from, to, when.
CREATE TABLE long_task.task_events (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  task_id    uuid NOT NULL REFERENCES long_task.tasks ON DELETE CASCADE,
  at         timestamptz NOT NULL DEFAULT clock_timestamp(),
  channel    text NOT NULL,
  actor      text,
  action     text NOT NULL,
  reason     text,
  from_state text NOT NULL,
  to_state   text NOT NULL,
  epoch      bigint NOT NULL
);
CREATE INDEX task_events_task ON long_task.task_events (task_id, id);

-- Down Migration

DROP SCHEMA long_task_staging CASCADE;
DROP SCHEMA long_task CASCADE;
