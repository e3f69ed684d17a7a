import { describe, expect, it } from 'vitest';
import { NODE_SPECS } from '../schema/generated';
import type { NodePlace } from '../project/types';
import { reconcileEdges, reconcileNodes, type FlowNode } from './reconcile';
import { handlesOf } from './sizes';

const A: NodePlace = { id: 'a', type: 'shot', position: { x: 0, y: 0 } };
const B: NodePlace = { id: 'b', type: 'style', position: { x: 100, y: 0 } };
const NONE = new Map<string, { x: number; y: number }>();

describe('the bridge to xyflow', () => {
  it('changes nothing when nothing changed', () => {
    const nodes = reconcileNodes([], [A, B], NONE, ['a']);
    expect(reconcileNodes(nodes, [A, B], NONE, ['a'])).toBe(nodes);
  });

  it('replaces only the node that moved, and keeps its measured size', () => {
    const [a, b] = reconcileNodes([], [A, B], NONE, []);
    const measured = { ...a, measured: { width: 320, height: 512 } } as NonNullable<typeof a>;
    const moved = { ...A, position: { x: 7, y: 8 } };
    const [a2, b2] = reconcileNodes([measured, b as typeof measured], [moved, B], NONE, []);
    expect(a2).toMatchObject({ position: { x: 7, y: 8 }, measured: { height: 512 } });
    expect(b2).toBe(b);
  });

  it('shows a node where another person holds it, but never moves what this hand holds', () => {
    const drags = new Map([['a', { x: 40, y: 50 }]]);
    const nodes = reconcileNodes([], [A], drags, []);
    expect(nodes[0]?.position).toEqual({ x: 40, y: 50 });
    const mine = nodes.map((node) => ({ ...node, dragging: true, position: { x: 1, y: 2 } }));
    expect(reconcileNodes(mine, [A], drags, [])[0]?.position).toEqual({ x: 1, y: 2 });
  });

  it('follows a selection made elsewhere, and drops what was deleted', () => {
    const nodes = reconcileNodes([], [A, B], NONE, []);
    const [only, ...rest] = reconcileNodes(nodes, [B], NONE, ['b']);
    expect(only).toMatchObject({ id: 'b', selected: true });
    expect(rest).toEqual([]);
  });

  it('knows every socket of a node before it has been drawn', () => {
    const names = handlesOf('shot').map((handle) => handle.id);
    expect(names).toEqual(
      [...NODE_SPECS.shot.inputs, ...NODE_SPECS.shot.outputs].map((socket) => socket.name)
    );
  });

  it('follows the sockets of a shot as its pipeline declares them, and keeps them when the shot is selected', () => {
    const names = (nodes: FlowNode[]) =>
      nodes[0]?.handles?.filter(({ type }) => type === 'target').map(({ id }) => id);
    const inputs = new Map([['a', ['pipeline', 'style', 'reference']]]);
    const before = reconcileNodes([], [A], NONE, []);
    const after = reconcileNodes(before, [A], NONE, [], () => false, inputs);
    expect(names(after)).toEqual(['pipeline', 'style', 'reference']);
    expect(names(reconcileNodes(after, [A], NONE, ['a'], () => false, inputs))).toEqual(names(after));
    expect(reconcileNodes(after, [A], NONE, [], () => false, inputs)).toBe(after);
    expect(names(reconcileNodes(after, [A], NONE, []))).toEqual(names(before));
  });

  it('gives an edge the type of what it carries', () => {
    const edge = { id: 'e', source: 'b', source_socket: 'style', target: 'a', target_socket: 'style' };
    const edges = reconcileEdges([], [edge], (id) => (id === 'a' ? 'shot' : 'style'));
    expect(edges[0]).toMatchObject({
      sourceHandle: 'style',
      targetHandle: 'style',
      data: { type: 'AssetReference' }
    });
    expect(reconcileEdges(edges, [edge], () => 'shot')).toBe(edges);
  });
});
