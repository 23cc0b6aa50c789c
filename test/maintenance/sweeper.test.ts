import { Readable } from 'node:stream';
import pino from 'pino';
import { expect, it } from 'vitest';
import { sweepOrphans } from '../../src/maintenance/sweeper.js';
import { useApi } from '../api/support.js';
import { newUpload } from '../postgres/support.js';

const api = useApi();
const log = pino({ level: 'silent' });

it('removes stored sources that no unfinished task needs, and no other', async () => {
  const [open, ended, orphan] = ['uploads/open', 'uploads/ended', 'uploads/orphan'];
  for (const key of [open, ended, orphan]) await api.store.put(key, Readable.from([Buffer.from('a\n1\n')]));
  for (const key of [open, ended]) {
    await newUpload(api.pool, { taskName: key, source: { key, filename: 'a.csv', size: 4, sha256: '' } });
  }
  await api.pool.query(`UPDATE long_task.tasks SET state = 'completed' WHERE task_name = $1`, [ended]);
  await sweepOrphans({ pool: api.pool, store: api.store, log }, -1_000);
  expect((await api.store.list('uploads/')).filter((key) => [open, ended, orphan].includes(key))).toEqual([open]);
});
