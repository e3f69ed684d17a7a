import { describe, expect, it } from 'vitest';
import { applyAwarenessUpdate, Awareness, encodeAwarenessUpdate } from 'y-protocols/awareness';
import * as Y from 'yjs';
import { diskFails } from './disk';

function heard(...states: Record<string, unknown>[]): Awareness {
  const ours = new Awareness(new Y.Doc());
  for (const state of states) {
    const theirs = new Awareness(new Y.Doc());
    theirs.setLocalState(state);
    applyAwarenessUpdate(ours, encodeAwarenessUpdate(theirs, [theirs.clientID]), 'test');
    theirs.destroy();
  }
  ours.destroy();
  return ours;
}

describe('the failing disk', () => {
  it.each<[boolean, Record<string, unknown>[]]>([
    [false, []],
    [true, [{ user: { id: 'ana' } }, { disk: { failing: true } }]],
    [true, [{ farm: { jobs: {} }, disk: { failing: true } }]],
    [false, [{ disk: { failing: false } }]],
    [false, [{ disk: 'yes' }, { disk: null }]]
  ])('is %s for %j', (fails, states) => expect(diskFails(heard(...states))).toBe(fails));

  it('is the word of the server, not of somebody with a name', () => {
    expect(diskFails(heard({ user: { id: 'eve' }, disk: { failing: true } }))).toBe(false);
  });
});
