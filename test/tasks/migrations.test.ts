import { randomBytes } from 'node:crypto';
import { runner } from 'node-pg-migrate';
import pg from 'pg';
import { expect, inject, it } from 'vitest';
import { inProject } from '../../launcher/paths.js';
import { migrate } from '../../src/postgres/migrate.js';

/** The migrations of the first version: a database that stopped there holds tasks in every state. */
const FIRST_VERSION = 3;

interface OldTask {
  name: string;
  state: string;
  pauseReasons?: string[];
  error?: object;
  events?: [action: string, channel: string, reason: string | null, from: string, to: string][];
}

const OLD: OldTask[] = [
  {
    name: 'paused natively',
    state: 'paused',
    pauseReasons: ['operator: the workflow was paused in Temporal'],
    events: [
      ['resume', 'service', 'start', 'queued', 'running'],
      ['pause', 'operator', 'operator: the workflow was paused in Temporal', 'running', 'pausing'],
      ['pause', 'service', null, 'pausing', 'paused'],
    ],
  },
  {
    name: 'completed',
    state: 'completed',
    events: [
      ['resume', 'api', null, 'paused', 'running'],
      ['resume', 'service', 'completed', 'running', 'completed'],
    ],
  },
  {
    name: 'failing',
    state: 'terminating',
    error: { code: 'unclosed_quote', detail: '' },
    events: [['terminate', 'service', 'unclosed_quote', 'running', 'terminating']],
  },
  {
    name: 'terminated at the limit',
    state: 'rollback_failed',
    pauseReasons: ['reject_limit'],
    error: { code: 'reject_limit', detail: '' },
    events: [
      ['pause', 'service', 'reject_limit', 'running', 'pausing'],
      ['terminate', 'api', null, 'paused', 'terminating'],
      ['terminate', 'service', 'it is in use', 'terminating', 'rollback_failed'],
    ],
  },
  {
    name: 'failed',
    state: 'failed',
    error: { code: 'unclosed_quote', detail: '' },
    events: [['terminate', 'service', 'rolled back', 'terminating', 'failed']],
  },
];

/** What each task of a version before the outbox must still tell Temporal, and its messages. */
const UNDELIVERED: [state: string, undelivered: string | null, started: boolean, messages: string[]][] = [
  ['queued', 'start', false, ['start {}']],
  ['pausing', 'pause', false, ['start {}', 'command {"action": "pause"}']],
  ['terminating', 'terminate', true, ['command {"action": "terminate"}']],
  ['running', null, true, []],
  ['failed', 'terminate', false, []],
];

/** The migrations before the outbox. */
const BEFORE_OUTBOX = 10;

/** The migrations before rejects are bytes. */
const BEFORE_BYTES = 11;

it('the records of rejects become bytes, and there is a way back', async () => {
  await inDatabase(async (url) => {
    await migrateBy(url, BEFORE_BYTES);
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query(
      `WITH task AS (INSERT INTO long_task.tasks (kind, user_id, task_name, workflow_id, state, options)
                     VALUES ('upload', 'ana', 't', 't', 'completed', '{}') RETURNING id)
       INSERT INTO long_task.rejects (task_id, row_no, byte_offset, reason, raw) SELECT id, 1, 0, 'bad', E'a\\\\b\té' FROM task`,
    );
    await migrateBy(url, 1);
    const { rows } = await client.query('SELECT raw, code FROM long_task.rejects');
    expect(rows).toEqual([{ raw: Buffer.from('a\\b\té'), code: 'refused_value' }]);
    await migrateBy(url, 1, 'down');
    await client.query('SELECT raw FROM long_task.rejects');
    await client.end();
  });
});

it('commands not yet dispatched become outbox messages, and the down migration restores them', async () => {
  await inDatabase(async (url) => {
    await migrateBy(url, BEFORE_OUTBOX);
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    for (const [i, [state, undelivered, started]] of UNDELIVERED.entries()) {
      await client.query(
        `INSERT INTO long_task.tasks (kind, user_id, task_name, workflow_id, state, options, undelivered, workflow_started)
         VALUES ('upload', 'ana', $1, $1, $2, '{}', $3, $4)`,
        [`t${i}`, state, undelivered, started],
      );
    }
    await migrateBy(url, 1);
    const { rows } = await client.query(
      `SELECT array_remove(array_agg(o.kind || ' ' || o.payload::text ORDER BY o.id), NULL) AS messages,
              bool_and(o.id IS NULL OR o.next_attempt_at < now() + interval '3 seconds') AS soon
         FROM long_task.tasks t LEFT JOIN long_task.outbox o ON o.task_id = t.id GROUP BY t.id ORDER BY t.lock_key`,
    );
    expect(rows).toEqual(UNDELIVERED.map(([, , , messages]) => ({ messages, soon: true })));
    await migrateBy(url, 1, 'down');
    const { rows: old } = await client.query(
      'SELECT undelivered, workflow_started FROM long_task.tasks ORDER BY lock_key LIMIT 3',
    );
    await client.end();
    expect(old).toEqual(
      UNDELIVERED.slice(0, 3).map(([, undelivered, workflow_started]) => ({ undelivered, workflow_started })),
    );
  });
});

it('a database of the first version keeps its tasks, endings, native pauses and events', async () => {
  await inDatabase(async (url) => {
    await migrateBy(url, FIRST_VERSION);
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    for (const task of OLD) await insertOld(client, task);
    await migrate(url);
    const { rows: tasks } = await client.query(
      'SELECT task_name, state, ending, native_pause, superseded_at, warnings FROM long_task.tasks ORDER BY lock_key',
    );
    const { rows: events } = await client.query(
      'SELECT task_name, action, reason FROM long_task.task_events e JOIN long_task.tasks t ON t.id = e.task_id ORDER BY e.id',
    );
    await client.end();
    expect(tasks.map(({ task_name, ending, native_pause }) => [task_name, ending, native_pause])).toEqual([
      ['paused natively', null, 'workflow'],
      ['completed', null, null],
      ['failing', 'failed', null],
      ['terminated at the limit', 'terminated', null],
      ['failed', 'failed', null],
    ]);
    expect(tasks.every(({ superseded_at, warnings }) => superseded_at === null && warnings.length === 0)).toBe(true);
    expect(events.map(({ action }) => action)).toEqual([
      ...['started', 'pause_requested', 'paused', 'resumed', 'completed', 'faulted'],
      ...['suspended', 'terminate_requested', 'rollback_failed', 'rolled_back'],
    ]);
    expect(events.map(({ reason }) => reason).filter((reason) => ['start', 'completed'].includes(reason))).toEqual([]);
  });
});

async function inDatabase(body: (url: string) => Promise<void>): Promise<void> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  const admin = new pg.Client({ connectionString: inject('databaseUrl') });
  await admin.connect();
  await admin.query(`CREATE DATABASE ${name} TEMPLATE template1`);
  try {
    await body(Object.assign(new URL(inject('databaseUrl')), { pathname: `/${name}` }).href);
  } finally {
    await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
    await admin.end();
  }
}

async function migrateBy(databaseUrl: string, count: number, direction: 'up' | 'down' = 'up'): Promise<void> {
  const dbClient = new pg.Client({ connectionString: databaseUrl });
  await dbClient.connect();
  await runner({
    dbClient,
    dir: inProject('migrations'),
    direction,
    count,
    migrationsTable: 'migrations',
    migrationsSchema: 'long_task',
    createMigrationsSchema: true,
    log: () => {},
  });
  await dbClient.end();
}

async function insertOld(
  client: pg.Client,
  { name, state, pauseReasons = [], error, events = [] }: OldTask,
): Promise<void> {
  const { rows } = await client.query(
    `INSERT INTO long_task.tasks (kind, user_id, task_name, workflow_id, state, options, pause_reasons, error)
     VALUES ('upload', 'ana', $1, $2, $3, '{"max_rejects": 0}', $4, $5) RETURNING id`,
    [name, `upload/ana/${name}`, state, pauseReasons, error ? JSON.stringify(error) : null],
  );
  for (const [action, channel, reason, from, to] of events) {
    await client.query(
      `INSERT INTO long_task.task_events (task_id, channel, action, reason, from_state, to_state, epoch)
       VALUES ($1, $2, $3, $4, $5, $6, 1)`,
      [rows[0].id, channel, action, reason, from, to],
    );
  }
}
