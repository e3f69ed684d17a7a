import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { addNode, connect, moveNodes } from './commands';
import { Desk } from './testing';

const ORIGIN = { x: 0, y: 0 };

describe('the cached graph', () => {
  it('rebuilds only the node that somebody types in', () => {
    const desk = new Desk();
    const typed = addNode(desk, 'shot', ORIGIN);
    const other = addNode(desk, 'shot', ORIGIN);
    const before = {
      typed: desk.node(typed),
      other: desk.node(other),
      places: desk.graph.places,
      edges: desk.edges
    };
    desk.text(typed, 'prompt').insert(0, 'rain');
    expect(desk.node(typed)).not.toBe(before.typed);
    expect(desk.node(other)).toBe(before.other);
    expect(desk.graph.places).toBe(before.places);
    expect(desk.edges).toBe(before.edges);
    moveNodes(desk, { [typed]: { x: 1, y: 1 } });
    expect(desk.graph.places).not.toBe(before.places);
    expect(desk.edges).toBe(before.edges);
  });

  it('keeps an edge the same object while others come and go', () => {
    const desk = new Desk();
    const shot = addNode(desk, 'shot', ORIGIN);
    connect(desk, addNode(desk, 'style', ORIGIN), 'style', shot, 'style');
    const [first] = desk.edges;
    connect(desk, addNode(desk, 'pipeline', ORIGIN), 'pipeline', shot, 'pipeline');
    expect(desk.edges).toHaveLength(2);
    expect(desk.edges).toContain(first);
    expect(desk.graph.edgesOf(shot)).toHaveLength(2);
  });

  it('shows nothing that is malformed, and reads what is half right as far as it is right', () => {
    const desk = new Desk();
    const nodes = desk.canvas.getMap('nodes');
    nodes.set('a', 'a string');
    nodes.set('b', new Y.Map([['type', 'spaceship']]));
    nodes.set(
      'c',
      new Y.Map<unknown>([
        ['type', 'style'],
        ['palette', 'red'],
        ['position', { x: 'left', y: 1e12 }]
      ])
    );
    desk.canvas.getMap('edges').set('e', { source: 'c' });
    desk.canvas.getMap('edges').set('f', null);
    expect(desk.nodes.map((node) => node.id)).toEqual(['c']);
    expect(desk.node('c')).toMatchObject({ title: 'Style', context: '', position: { x: 0, y: 1_000_000 } });
    expect(Array.isArray((desk.node('c') as { palette?: unknown }).palette)).toBe(true);
    expect(desk.edges).toEqual([]);
  });
});
