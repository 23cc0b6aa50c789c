import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../src/contract/errors.js';
import { detailsOf } from '../../src/workflows/current-details.js';

const pausedBy = (code: ErrorCode) =>
  detailsOf('paused', { kind: 'upload', workflowId: 'upload/ana/sales', fault: { code }, maxRejects: 2 });

describe('the details of a paused task', () => {
  it('ask for a dialect by the API, since no signal carries one', () => {
    expect(pausedBy('unclear_dialect')).toMatch(/`POST \/upload\/resume` with `dialect`, or terminate it/);
    expect(pausedBy('unclear_dialect')).not.toMatch(/send the signal/i);
  });

  it('ask for a higher limit, by a signal, too', () => {
    expect(pausedBy('reject_limit')).toContain('{"max_rejects": 102}');
  });

  it('ask for room on a full disk', () => {
    expect(pausedBy('disk_full')).toContain('Make room on the disk first. Send the signal `resume`');
  });
});
