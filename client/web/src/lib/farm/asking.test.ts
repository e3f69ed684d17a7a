import { describe, expect, it } from 'vitest';
import { whyNotCancel } from './asking';

const RUNS = { live: true, stopping: false } as const;

describe('whoever looks at a job on the farm page', () => {
  it('can cancel it as an editor of its project and above', () => {
    for (const role of ['editor', 'admin', 'owner'] as const)
      expect(whyNotCancel({ ...RUNS, role })).toBe('');
  });

  it('is told beforehand that they may not, and who can help', () => {
    for (const role of ['viewer', 'reviewer'] as const)
      expect(whyNotCancel({ ...RUNS, role })).toBe(
        `You are a ${role} of this project. An admin or the owner of this project can make you an editor.`
      );
  });

  it('cannot cancel it twice, nor once it has ended', () => {
    expect(whyNotCancel({ ...RUNS, stopping: true, role: 'owner' })).toContain('has been told');
    expect(whyNotCancel({ live: false, stopping: true, role: 'viewer' })).toBe('It has ended');
  });
});
