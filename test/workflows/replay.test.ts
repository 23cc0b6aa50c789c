import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { describe, expect, it } from 'vitest';
import { inProject } from '../../launcher/paths.js';

Runtime.install({ logger: new DefaultLogger('ERROR') });
const HISTORIES = path.join(import.meta.dirname, 'histories');
const FILES = readdirSync(HISTORIES).filter((file) => file.endsWith('.json'));

/** Of workflows that did not show the states of their tasks yet, and all ended as Completed. */
const OLD = FILES.filter((file) => file.includes('-old-'));

/**
 * Made by `RECORD_HISTORIES=1 npm test -- test/e2e/histories`; an old one is kept for as long as such tasks may still
 * be paused somewhere.
 */
describe('a stored history of each path', () => {
  it.each(FILES)('%s is replayed by the workflows of today', async (file) => {
    const history = JSON.parse(readFileSync(path.join(HISTORIES, file), 'utf8'));
    await Worker.runReplayHistory({ workflowBundle: { codePath: inProject('dist', 'workflow-bundle.js') } }, history);
  });

  it('is there for every way a task can go', () => {
    const paths = ['completed', 'paused-and-resumed', 'paused', 'terminated', 'cancelled', 'failed'];
    const exports = ['completed', 'paused-and-resumed', 'terminated'];
    // `steps`: of workflows that had an activity for each step, also of a small task.
    for (const age of ['', 'steps-', 'old-']) {
      expect(FILES).toEqual(expect.arrayContaining(paths.map((name) => `upload-${age}${name}.json`)));
      expect(FILES).toEqual(expect.arrayContaining(exports.map((name) => `download-${age}${name}.json`)));
    }
  });

  it.each(OLD)(
    '%s is replayed although its start carried LongTaskState: an API that was newer than its worker',
    async (file) => {
      const history = JSON.parse(readFileSync(path.join(HISTORIES, file), 'utf8'));
      const { indexedFields } = history.events[0].workflowExecutionStartedEventAttributes.searchAttributes;
      const data = Buffer.from(JSON.stringify('queued')).toString('base64');
      indexedFields.LongTaskState = { ...indexedFields.LongTaskKind, data };
      await Worker.runReplayHistory({ workflowBundle: { codePath: inProject('dist', 'workflow-bundle.js') } }, history);
    },
  );

  it('that does not fit is refused', async () => {
    const history = JSON.parse(readFileSync(path.join(HISTORIES, 'upload-completed.json'), 'utf8'));
    for (const event of history.events) {
      const type = event.activityTaskScheduledEventAttributes?.activityType;
      if (type?.name === 'beginUpload') type.name = 'publish';
    }
    const replay = Worker.runReplayHistory(
      { workflowBundle: { codePath: inProject('dist', 'workflow-bundle.js') } },
      history,
    );
    await expect(replay).rejects.toThrow(/determinism|nondeterminism/i);
  });
});
