import { describe, expect, it } from 'vitest';
import { Awareness } from 'y-protocols/awareness';
import * as Y from 'yjs';
import { Progress, secondsTill } from './progress';

describe('how live jobs stand', () => {
  it('counts down from when the farm last said something new of a job', () => {
    let now = 10_000;
    const awareness = new Awareness(new Y.Doc());
    const told = (position: number, other: number) =>
      awareness.setLocalState({
        farm: {
          jobs: {
            mine: { percent: 0, step: '', node: '', position, eta_seconds: 60 },
            other: { percent: other, step: 'x', node: 'n' }
          }
        }
      });
    const progress = new Progress(awareness, () => now);
    told(2, 10);
    now += 5000;
    told(2, 20); // only the other job has moved
    expect(secondsTill(progress.of('mine'), now)).toBe(55);
    told(1, 20);
    expect(secondsTill(progress.of('mine'), now)).toBe(60);
    expect(secondsTill(progress.of('other'), now)).toBeNull();
    progress.destroy();
    awareness.destroy();
  });

  it('keeps the mark of the farm until there is another', () => {
    const awareness = new Awareness(new Y.Doc());
    const progress = new Progress(awareness);
    expect(progress.farmMark).toBe('');
    awareness.setLocalState({ farm: { jobs: {}, mark: 'one' } });
    expect(progress.farmMark).toBe('one');
    awareness.setLocalState({});
    expect(progress.farmMark).toBe('one');
    progress.destroy();
    awareness.destroy();
  });

  it('is never less than no time', () => {
    expect(secondsTill({ eta_seconds: 3, heardAt: 0 }, 9000)).toBe(0);
  });
});
