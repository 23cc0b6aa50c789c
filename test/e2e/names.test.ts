import { rm } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { TaskKey } from '../../src/client/client.js';
import { salesCsv, useService } from './service.js';

const service = useService();
let count = 0;
const key = (kind: TaskKey['kind'] = 'upload', user_id = 'ana'): TaskKey => ({
  kind,
  user_id,
  task_name: `name ${++count}`,
});

async function start(upload: TaskKey, content: string, fields = {}): Promise<void> {
  await service.client.upload(upload, await service.file(content), fields);
}

async function history(): Promise<{ task_name: string; state: string }[]> {
  const answer = await fetch(`${service.client.api}/tasks?user_id=ana&history=true&limit=200`);
  return ((await answer.json()) as { tasks: { task_name: string; state: string }[] }).tasks;
}

describe('a name is not lost', () => {
  it('by a start that fails: the same name loads the corrected file', async () => {
    const upload = key();
    await start(upload, 'a,b\n1,2\n"3,4\n');
    await service.client.waitFor(upload, ['failed']);
    await start(upload, 'a,b\n1,2\n3,4\n');
    const task = await service.client.waitFor(upload, ['completed']);
    expect([task.receipt!.rows_loaded, task.table, task.warnings]).toEqual([2, `"public"."${upload.task_name}"`, []]);
    expect((await history()).filter(({ task_name }) => task_name === upload.task_name)).toMatchObject([
      { state: 'failed' },
    ]);
  });

  it('by a terminate, however soon the next start comes: each task has a run of its own', async () => {
    const upload = key();
    const rounds = 12;
    for (let round = 0; round < rounds; round++) {
      await start(upload, salesCsv(20_000), { max_bytes_per_second: 400_000 });
      if (round % 3 === 1) await service.reaches(upload, (task) => task.rows.done > 0);
      if (round % 3 === 2) await service.client.command('pause', upload);
      await service.client.command('terminate', upload);
      await service.until(async () => (await service.state(upload)) === 'terminated');
    }
    await start(upload, salesCsv(2_000));
    const task = await service.client.waitFor(upload, ['completed']);
    expect(task.receipt!.rows_loaded).toBe(2_000);
    expect((await history()).filter(({ task_name }) => task_name === upload.task_name)).toHaveLength(rounds);
    const { rows } = await service.pool.query(
      'SELECT count(*) AS rows, count(DISTINCT workflow_id) AS ids FROM long_task.tasks WHERE task_name = $1',
      [upload.task_name],
    );
    expect(rows[0]).toEqual({ rows: rounds + 1, ids: rounds + 1 });
  }, 120_000);

  it('of a download that was terminated, or whose result file is gone', async () => {
    const upload = key();
    await start(upload, salesCsv(20_000));
    await service.client.waitFor(upload, ['completed']);
    const download: TaskKey = { ...upload, kind: 'download' };
    await service.client.download(download, { max_bytes_per_second: 2_000 });
    await service.client.command('terminate', download);
    await service.until(async () => (await service.state(download)) === 'terminated');
    const contents: string[] = [];
    for (let round = 0; round < 2; round++) {
      contents.push(await service.exported({}, upload.task_name));
      await rm(path.join(service.dir, 'files', 'results'), { recursive: true });
      const lost = await service.client.progress(download);
      expect([lost.state, lost.download_url, lost.warnings.length]).toEqual(['completed', null, 1]);
    }
    contents.push(await service.exported({ upload: upload.task_name }, `${upload.task_name} other`));
    expect(new Set(contents)).toEqual(new Set([salesCsv(20_000)]));
  }, 60_000);
});

describe('a load says in warnings what it has named otherwise', () => {
  it('the table of a second user, both names', async () => {
    const [ana, bob] = [key(), key('upload', 'bob')];
    bob.task_name = ana.task_name;
    for (const upload of [ana, bob]) await start(upload, 'a\n1\n');
    const tasks = [await service.client.waitFor(ana, ['completed']), await service.client.waitFor(bob, ['completed'])];
    const [first, second] = tasks.sort((one, other) => one.table!.length - other.table!.length);
    expect([first!.table, first!.warnings]).toEqual([`"public"."${ana.task_name}"`, []]);
    expect([second!.table, second!.warnings]).toEqual([
      `"public"."${ana.task_name}_2"`,
      [`The name "${ana.task_name}" was in use when the load ended, so the table is "public"."${ana.task_name}_2".`],
    ]);
  });

  it('a table name that was cut, and columns by their numbers, with nothing of the file', async () => {
    const upload = key();
    upload.task_name = 'long '.repeat(20).trim();
    await start(upload, 'secret,secret,,xmin,fine\n1,2,3,4,5\n');
    const { warnings, receipt } = await service.client.waitFor(upload, ['completed']);
    expect(receipt!.columns.map(({ name }) => name)).toEqual(['secret', 'secret_2', 'column_3', 'xmin_2', 'fine']);
    expect(warnings).toEqual([
      expect.stringMatching(
        /^The name "long .* is longer than the 63 bytes of a table name, so the table is "public"\./,
      ),
      expect.stringMatching(/^Columns 2, 3, 4 of the file have other names in the table/),
    ]);
    expect(warnings.join()).not.toContain('secret');
  });
});
