-- Up Migration

-- Messages that must reach Temporal: written with the change that they tell of, removed when they are dispatched.
CREATE TABLE long_task.outbox (
  id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  task_id         uuid NOT NULL REFERENCES long_task.tasks (id) ON DELETE CASCADE,
  -- `start` or `command`. No CHECK: an older process leaves a kind that it does not know to newer ones.
  kind            text NOT NULL,
  payload         jsonb NOT NULL DEFAULT '{}',
  attempts        integer NOT NULL DEFAULT 0,
  -- The request that wrote a message sends it at once; the dispatcher comes later.
  next_attempt_at timestamptz NOT NULL DEFAULT clock_timestamp() + interval '2 seconds',
  created_at      timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX outbox_due ON long_task.outbox (next_attempt_at);
CREATE INDEX outbox_task ON long_task.outbox (task_id);

INSERT INTO long_task.outbox (task_id, kind)
SELECT id, 'start' FROM long_task.tasks
 WHERE (undelivered = 'start' OR (undelivered IS NOT NULL AND NOT workflow_started))
   AND state NOT IN ('completed', 'failed', 'terminated')
 ORDER BY lock_key;
INSERT INTO long_task.outbox (task_id, kind, payload)
SELECT id, 'command', jsonb_build_object('action', undelivered) FROM long_task.tasks
 WHERE undelivered <> 'start' AND state NOT IN ('completed', 'failed', 'terminated')
 ORDER BY lock_key;

ALTER TABLE long_task.tasks DROP COLUMN undelivered;
ALTER TABLE long_task.tasks DROP COLUMN workflow_started;

-- Down Migration

ALTER TABLE long_task.tasks ADD COLUMN undelivered text;
ALTER TABLE long_task.tasks ADD COLUMN workflow_started boolean NOT NULL DEFAULT false;
UPDATE long_task.tasks t SET
  workflow_started = NOT EXISTS (SELECT FROM long_task.outbox WHERE task_id = t.id AND kind = 'start'),
  undelivered = coalesce(
    (SELECT payload ->> 'action' FROM long_task.outbox WHERE task_id = t.id AND kind = 'command' ORDER BY id DESC LIMIT 1),
    (SELECT 'start' FROM long_task.outbox WHERE task_id = t.id AND kind = 'start' LIMIT 1));
DROP TABLE long_task.outbox;
