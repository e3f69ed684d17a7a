import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { addNode, connect, deleteNodes, setField, setParameter, starTake } from './commands';
import { compare, contentOf, isNothing, readContent, type Difference } from './compare';
import { mergeCopy } from './merge';
import { Desk, exchange } from './testing';

const HERE = { x: 0, y: 0 };

/** A canvas with the same records and none of the history, as a restore from a clone makes it. */
function restored(old: Desk): Desk {
  const anew = new Desk();
  anew.canvas.transact(() => {
    for (const [id, node] of old.canvas.getMap('nodes')) {
      const fields = Object.entries((node as Y.Map<unknown>).toJSON()).map(([name, value]) => [
        name,
        (node as Y.Map<unknown>).get(name) instanceof Y.Text
          ? new Y.Text(String(value))
          : (node as Y.Map<unknown>).get(name) instanceof Y.Map
            ? new Y.Map(Object.entries(value as object))
            : value
      ]) as [string, unknown][];
      anew.canvas.getMap('nodes').set(id, new Y.Map(fields));
    }
    for (const [id, edge] of old.canvas.getMap('edges')) anew.canvas.getMap('edges').set(id, edge);
  });
  return anew;
}

function between(copy: Desk, today: Desk): Difference {
  return compare(readContent(copy.canvas), contentOf(today.canvas, today.nodes, today.edges));
}

function keys({ differing }: Difference): string[] {
  return differing.map((each) => each.key);
}

function film(): { copy: Desk; shot: string; style: string; note: string } {
  const copy = new Desk();
  const shot = addNode(copy, 'shot', HERE);
  const style = addNode(copy, 'style', { x: 40, y: 0 });
  const note = addNode(copy, 'note', { x: 80, y: 0 });
  connect(copy, style, 'style', shot, 'style');
  copy.text(shot, 'prompt').insert(0, 'a laundromat at night');
  return { copy, shot, style, note };
}

describe('comparing a copy with a canvas that was begun anew', () => {
  it('finds nothing where both say the same, whatever their histories', () => {
    const { copy } = film();
    expect(isNothing(between(copy, restored(copy)))).toBe(true);
  });

  it('finds what only the copy has, and not what only the canvas has', () => {
    const { copy, style } = film();
    const today = restored(copy);
    const own = addNode(copy, 'shot', HERE);
    connect(copy, style, 'style', own, 'style');
    addNode(today, 'note', HERE);
    const { added, differing, edges } = between(copy, today);
    expect(added.map((node) => node.id)).toEqual([own]);
    expect(differing).toEqual([]);
    expect(edges.map((edge) => [edge.source, edge.target])).toEqual([[style, own]]);
  });

  it('names the fields that differ, in words, maps and places', () => {
    const { copy, shot } = film();
    const today = restored(copy);
    today.text(shot, 'prompt').insert(0, 'wide: ');
    setParameter(copy, shot, 'lens_mm', 85);
    starTake(copy, shot, 'take-1', true);
    setField(today, shot, 'position', { x: 5, y: 5 });
    const [only] = between(copy, today).differing;
    expect(only?.kind === 'changed' && only.fields.sort()).toEqual([
      'parameters',
      'position',
      'prompt',
      'stars'
    ]);
  });

  it('tells of deletions on either side', () => {
    const { copy, style, note } = film();
    const today = restored(copy);
    deleteNodes(copy, [style]);
    deleteNodes(today, [note]);
    expect(between(copy, today).differing.map(({ key, kind }) => [key, kind])).toEqual([
      [note, 'deletedThere'],
      [style, 'deletedHere']
    ]);
  });

  it('tells of an input that is joined to something else', () => {
    const { copy, shot, style } = film();
    const today = restored(copy);
    const other = addNode(today, 'style', HERE);
    setField(today, other, 'title', 'Neon');
    connect(today, other, 'style', shot, 'style');
    const { edges, differing } = between(copy, today);
    expect(edges).toEqual([]);
    expect(differing.map((each) => each.kind === 'rejoined' && each.from)).toEqual([['Style', 'Neon']]);
    mergeCopy(today, between(copy, today), new Set(keys(between(copy, today))));
    expect(today.edges.map((edge) => edge.source)).toEqual([style]);
  });
});

describe('merging a copy', () => {
  it('adds what is missing, keeps what is there, and is one step that can be undone', () => {
    const { copy, shot } = film();
    const today = restored(copy);
    const own = addNode(copy, 'style', { x: 12, y: 34 });
    copy.text(own, 'context').insert(0, 'grainy');
    copy.text(shot, 'prompt').insert(0, 'mine: ');
    today.text(shot, 'prompt').insert(0, 'theirs: ');
    const before = today.nodes;
    mergeCopy(today, between(copy, today), new Set());
    expect(today.node(own)).toEqual(copy.node(own));
    expect(today.text(shot, 'prompt').toString()).toBe('theirs: a laundromat at night');
    today.history.undo();
    expect(today.nodes).toEqual(before);
    expect(today.history.canUndo).toBe(false);
    today.history.redo();
    expect(today.text(own, 'context').toString()).toBe('grainy');
  });

  it("takes the copy's where that was chosen, record by record, until nothing chosen differs", () => {
    const { copy, shot, style, note } = film();
    const today = restored(copy);
    copy.text(shot, 'prompt').insert(2, 'quiet 🎬 ');
    today.text(shot, 'prompt').insert(2, 'loud 🎥 ');
    setParameter(copy, shot, 'lens_mm', 85);
    starTake(today, shot, 'take-9', true);
    setField(copy, note, 'title', 'Mine');
    deleteNodes(copy, [style]);
    const difference = between(copy, today);
    expect(keys(difference).sort()).toEqual([shot, style, note].sort());
    mergeCopy(today, difference, new Set([shot, style]));
    expect(today.node(shot)).toEqual(copy.node(shot));
    expect(today.node(style)).toBeUndefined();
    expect(today.edges).toEqual([]);
    expect(keys(between(copy, today))).toEqual([note]);
    today.history.undo();
    expect(today.text(shot, 'prompt').toString()).toContain('loud 🎥');
    expect(today.edges).toHaveLength(1);
  });

  it('brings back a node that is deleted today only when asked to', () => {
    const { copy, note } = film();
    const today = restored(copy);
    deleteNodes(today, [note]);
    mergeCopy(today, between(copy, today), new Set());
    expect(today.node(note)).toBeUndefined();
    mergeCopy(today, between(copy, today), new Set([note]));
    expect(today.node(note)).toEqual(copy.node(note));
  });

  it('leaves no join without its ends', () => {
    const { copy, style } = film();
    const today = new Desk();
    const shotless = between(copy, today);
    const without = { ...shotless, added: shotless.added.filter((node) => node.id !== style) };
    mergeCopy(today, without, new Set());
    expect(today.canvas.getMap('edges').size).toBe(0);
  });

  it('writes ordinary edits that others get, and nothing for who may only read', () => {
    const { copy, shot } = film();
    const [today, other] = [new Desk(), new Desk()];
    today.canWrite = false;
    mergeCopy(today, between(copy, today), new Set());
    expect(today.canvas.getMap('nodes').size).toBe(0);
    today.canWrite = true;
    mergeCopy(today, between(copy, today), new Set());
    exchange(today, other);
    expect(other.node(shot)).toEqual(copy.node(shot));
    expect(other.edges).toHaveLength(1);
    expect(isNothing(between(copy, other))).toBe(true);
  });
});
