import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { applyAwarenessUpdate, Awareness, encodeAwarenessUpdate } from 'y-protocols/awareness';
import * as Y from 'yjs';
import { Presence, readPerson } from './presence';

const ANA = { id: 'ana', name: 'Ana', hue: 1 };
const BO = { id: 'bo', name: 'Bo', hue: 2 };

describe('presence', () => {
  let mine: Awareness;
  let theirs: Awareness;
  let ana: Presence;
  let bo: Presence;
  let sent: number;

  beforeEach(() => {
    vi.useFakeTimers();
    mine = new Awareness(new Y.Doc());
    theirs = new Awareness(new Y.Doc());
    ana = new Presence(mine, ANA);
    bo = new Presence(theirs, BO);
    sent = 0;
    mine.on('update', () => {
      sent += 1;
      applyAwarenessUpdate(theirs, encodeAwarenessUpdate(mine, [mine.clientID]), 'wire');
    });
  });

  afterEach(() => {
    ana.destroy();
    bo.destroy();
    mine.destroy();
    theirs.destroy();
    vi.useRealTimers();
  });

  it('tells a moving pointer at most twenty times a second, and always where it stopped', () => {
    for (let i = 0; i <= 1000; i++) {
      ana.setCursor({ x: i, y: 0 });
      vi.advanceTimersByTime(1);
    }
    vi.advanceTimersByTime(100);
    expect(sent).toBeLessThan(24);
    expect(sent).toBeGreaterThan(15);
    expect(bo.people.find((person) => !person.isMe)?.cursor).toEqual({ x: 1000, y: 0 });
  });

  it('shows where the others hold nodes, until they let go', () => {
    ana.setDragging({ n1: { x: 5, y: 6 } });
    expect(bo.drags.get('n1')).toEqual({ x: 5, y: 6 });
    ana.setDragging({ n1: { x: 50, y: 60 } });
    ana.endDragging();
    vi.advanceTimersByTime(200);
    expect(bo.drags.size).toBe(0);
  });

  it('knows who is around a node', () => {
    ana.setSelection(['n1']);
    expect(bo.around('n1').map((person) => person.user.name)).toEqual(['Ana']);
    ana.setSelection([]);
    ana.setEditing({ node: 'n2', field: 'prompt' });
    expect(bo.around('n1')).toEqual([]);
    expect(bo.around('n2').map((person) => person.user.name)).toEqual(['Ana']);
    expect(ana.around('n2')).toEqual([]);
  });

  it('puts me first among the people', () => {
    ana.setSelection(['x']);
    expect(bo.people.map((person) => person.user.name)).toEqual(['Bo', 'Ana']);
  });
});

describe('a state that somebody sent', () => {
  it('is nobody without a user, as the farm’s own state', () => {
    expect(readPerson(1, false, { farm: { jobs: {} } })).toBeUndefined();
    expect(readPerson(1, false, { user: { id: 3 } })).toBeUndefined();
  });

  it('is made safe to draw', () => {
    const state = {
      user: { ...ANA, hue: -11 },
      cursor: { x: 'far', y: NaN },
      selection: ['a', 3],
      dragging: 'no'
    };
    expect(readPerson(1, false, state)).toMatchObject({
      user: { hue: 3 },
      cursor: { x: 0, y: 0 },
      selection: ['a'],
      dragging: {},
      editing: null
    });
  });
});
