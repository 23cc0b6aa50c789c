-- Up Migration

-- How a rollback ends is decided when it starts, not guessed when it is done.
ALTER TABLE long_task.tasks ADD COLUMN ending text CHECK (ending IN ('terminated', 'failed'));
UPDATE long_task.tasks
   SET ending = CASE WHEN error IS NOT NULL AND error ->> 'code' <> 'rollback_failed' AND pause_reasons = '{}' THEN 'failed' ELSE 'terminated' END
 WHERE state IN ('terminating', 'rollback_failed');
UPDATE long_task.tasks SET ending = state WHERE state IN ('terminated', 'failed');

-- What an operator paused in Temporal itself, to be unpaused by the service's own resume.
ALTER TABLE long_task.tasks ADD COLUMN native_pause text CHECK (native_pause IN ('workflow', 'activity'));
UPDATE long_task.tasks
   SET native_pause = CASE WHEN pause_reasons[1] LIKE 'operator: the workflow%' THEN 'workflow' ELSE 'activity' END
 WHERE pause_reasons[1] LIKE 'operator: %' AND state IN ('pausing', 'paused');

-- Events get verbs of their own (src/contract/states.ts): until now they had the command that the change resembled.
UPDATE long_task.task_events SET action = CASE
  WHEN to_state = 'running' AND from_state = 'queued' THEN 'started'
  WHEN to_state = 'running' THEN 'resumed'
  WHEN to_state = 'pausing' AND channel = 'service' THEN 'suspended'
  WHEN to_state = 'pausing' THEN 'pause_requested'
  WHEN to_state = 'terminating' AND channel = 'service' THEN 'faulted'
  WHEN to_state = 'terminating' THEN 'terminate_requested'
  WHEN to_state IN ('terminated', 'failed') THEN 'rolled_back'
  WHEN to_state IN ('paused', 'completed', 'rollback_failed') THEN to_state
  ELSE action END;
-- The reason only repeated what the verb says now.
UPDATE long_task.task_events SET reason = NULL
 WHERE channel = 'service' AND (action, reason) IN (('started', 'start'), ('completed', 'completed'), ('rolled_back', 'rolled back'));

-- Down Migration

UPDATE long_task.task_events SET action = CASE
  WHEN action IN ('started', 'resumed', 'completed') THEN 'resume'
  WHEN action IN ('pause_requested', 'suspended', 'paused') THEN 'pause'
  ELSE 'terminate' END;
ALTER TABLE long_task.tasks DROP COLUMN native_pause;
ALTER TABLE long_task.tasks DROP COLUMN ending;
