import { flushSync } from 'svelte';
import { describe, expect, it } from 'vitest';
import { Awareness } from 'y-protocols/awareness';
import * as Y from 'yjs';
import { Progress } from './progress';

describe('how live jobs stand', () => {
  it('wakes only those who show a job that has changed', () => {
    const awareness = new Awareness(new Y.Doc());
    const job = (percent: number, preview = '') => ({ percent, step: 'x', node: 'n', preview });
    const tell = (jobs: Record<string, unknown>) => {
      awareness.setLocalState({ farm: { jobs, mark: 'one' } });
      flushSync();
    };
    const progress = new Progress(awareness);
    const woken: string[] = [];
    const looking = $effect.root(() => {
      $effect(() => void woken.push(`a ${progress.of('a')?.percent}`));
      $effect(() => void woken.push(`b ${progress.of('b')?.percent} ${progress.of('b')?.preview}`));
      $effect(() => void woken.push(`mark ${progress.farmMark}`));
    });
    flushSync();
    tell({ a: job(10), b: job(20) });
    woken.length = 0;
    tell({ a: job(10), b: job(30) });
    tell({ a: job(10), b: job(30, 'new') });
    tell({ a: job(10) });
    expect(woken).toEqual(['b 30 ', 'b 30 new', 'b undefined undefined']);
    looking();
    progress.destroy();
    awareness.destroy();
  });
});
