import { describe, expect, it } from 'vitest';
import { batchOf, generateLabel } from './batch';
import type { Project } from './project.svelte';

type Shot = { state?: string; blocked?: string; type?: string };

function having(shots: Record<string, Shot>): Parameters<typeof batchOf>[0] {
  return {
    node: (id: string) => ({ type: shots[id]?.type ?? 'shot' }),
    stateOf: (id: string) => shots[id]?.state ?? 'idle',
    planFor: (id: string) => ({ blocked: shots[id]?.blocked ?? '', priceUsd: 0.05 })
  } as unknown as Project;
}

describe('takes of several shots', () => {
  it('are asked for where that is possible and none is under way', () => {
    const project = having({
      a: {},
      busy: { state: 'generating' },
      bare: { blocked: 'Join a Pipeline node' },
      note: { type: 'note' },
      b: { state: 'error' }
    });
    const batch = batchOf(project, ['a', 'busy', 'bare', 'note', 'b']);
    expect(batch).toEqual({ shots: ['a', 'b'], priceUsd: 0.1, blocked: '' });
    expect(generateLabel(batch.shots.length, batch.priceUsd)).toBe('Generate 2 takes - $0.10');
  });

  it('say why there can be none', () => {
    const project = having({
      busy: { state: 'asked' },
      bare: { blocked: 'Join a Pipeline node' },
      note: { type: 'note' }
    });
    expect(batchOf(project, ['note']).blocked).toBe('Select a shot first');
    expect(batchOf(project, ['busy']).blocked).toBe('Under way already');
    expect(batchOf(project, ['busy', 'bare']).blocked).toBe('Join a Pipeline node');
  });
});
