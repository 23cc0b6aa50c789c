import { expect, it } from 'vitest';
import { useService } from './service.js';

const service = useService();

const PLAIN_ROWS = (17 << 20) / 4;
const FILE = `a,b\n${'1,2\n'.repeat(PLAIN_ROWS)}1.5,2\n1,2,3\n`;

it('receipt, rejects and faults of a file of two parts name the row as it is in the file', async () => {
  const key = await service.upload(FILE, { max_rejects: 1 });
  const { receipt } = await service.client.waitFor(key, ['completed']);
  expect(receipt).toMatchObject({ parts: 2, rows_in_file: PLAIN_ROWS + 2, rows_rejected: 1 });
  expect(receipt!.columns[0]!.evidence).toContain(`row ${PLAIN_ROWS + 1} holds "1.5"`);
  const answer = await fetch(`${service.client.api}/tasks/upload/${key.task_name}/rejects?user_id=ana`);
  expect(await answer.text()).toContain(`\n${PLAIN_ROWS + 2},${FILE.indexOf('1,2,3')},`);

  // Where no bad row is allowed; else the quote costs its row alone.
  const even = FILE.slice(0, FILE.indexOf('1,2,3'));
  const open = await service.upload(`${even}1,"never closed\n`);
  const { error } = await service.client.waitFor(open, ['failed']);
  expect(error).toMatchObject({ code: 'unclosed_quote', row: PLAIN_ROWS + 2, byte_offset: even.length + 2 });
  expect(error!.detail).toMatch(new RegExp(`^Row ${PLAIN_ROWS + 2}, byte ${even.length + 2}: A quote is opened here`));
}, 60_000);
