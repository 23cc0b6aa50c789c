import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { inProject } from '../../launcher/paths.js';
import { withClient } from '../../src/postgres/pool.js';
import { listParts, storePart } from '../../src/tasks/checkpoints.js';
import { newUpload, useDatabase } from '../postgres/support.js';

const database = useDatabase();

const FILE = inProject('migrations', '1764500000028_absolute-evidence-rows.sql');
const [up, down] = readFileSync(FILE, 'utf8').split('-- Down Migration');

it('stored evidence of an earlier version counts rows from the beginning of the file after the migration', async () => {
  const { pool } = database;
  const { id } = await newUpload(pool);
  const evidence = (...rows: number[]) => [
    { values: 9, nulls: 0, steps: rows.map((row) => ({ type: 'integer', row, value: '1' })) },
    { values: 0, nulls: 9, steps: [] },
  ];
  await withClient(pool, async (client) => {
    const part = { byteFrom: 0, byteTo: 9, rows: 500, sha256: '' };
    await storePart(client, id, { ...part, partNo: 1, firstRow: 1 }, evidence(1, 7));
    await storePart(client, id, { ...part, partNo: 2, firstRow: 501 }, evidence(1, 499));
    await storePart(client, id, { ...part, partNo: 3, firstRow: 1001 }, []);
    await client.query("INSERT INTO long_task.parts (task_id, part_no, key_from) VALUES ($1, 4, '{a}')", [id]);
  });
  const stored = async () => (await listParts(pool, id)).map((part) => part.evidence);
  await pool.query(up!);
  expect(await stored()).toEqual([evidence(1, 7), evidence(501, 999), [], null]);
  await pool.query(down!);
  expect(await stored()).toEqual([evidence(1, 7), evidence(1, 499), [], null]);
});
